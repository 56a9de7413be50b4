// Whether a run sustained the rate that was asked for: whether all messages were stored and the
// backlog did not grow. A pure function of a finished report.
#pragma once

#include <optional>
#include <string>

#include "report/run_report.h"

namespace loadgen {

struct Sustained {
  std::optional<bool> rate_was;  // nullopt = no rate was asked for, or it cannot be told
  std::string unknown_because;   // why it cannot be told; a clause without a full stop
};

// A database that takes 10 % less than the rate is never said to sustain it, however short the run.
Sustained sustained(const RunReport& report);

}  // namespace loadgen
