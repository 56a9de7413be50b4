// The middle of a run: every thread that makes, carries or writes messages begins and ends in here.
#pragma once

#include "base/clock.h"
#include "lane/lane.h"
#include "report/run_report.h"
#include "run/open.h"

namespace loadgen {

struct Drained {
  const Opened& opened;
  LaneEnd end;
  TargetInfo database;
  ClientUsage client;
};

// Records the run in its database, begins the schedule, and blocks until all that was produced has
// come to its end. Throws SetupError when the run cannot begin; once it has begun, whatever happens
// is in the result.
Drained drive(const Connected& connected);

}  // namespace loadgen
