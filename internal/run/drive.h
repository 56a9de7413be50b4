// The middle of a run: all producer and consumer threads start and end here.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "lane/lane.h"
#include "report/run_report.h"
#include "report/thresholds.h"
#include "run/observer.h"
#include "run/open.h"

namespace loadgen {

struct Drained {
  const Opened& opened;
  LaneEnd end;
  Observer::Observed observed;
  std::optional<BrokenThreshold> ended_by;
  TargetInfo database;
  ClientUsage client;
  std::string hdr_log_problem;  // why there is no --hdr-log; empty = there is, or none was wanted
};

// Records the run in its database, begins the schedule, and blocks until every message has a fate.
// Throws SetupError when the run cannot begin; once it has begun, failures are in the result.
Drained drive(const Connected& connected);

}  // namespace loadgen
