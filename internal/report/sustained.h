// Whether a run sustained the rate that was asked for: whether all messages were stored and the
// backlog did not grow. A pure function of a finished report.
#pragma once

#include <optional>
#include <string>

#include "report/run_report.h"

namespace loadgen {

struct Sustained {
  std::optional<bool> rate_was;  // nullopt = no rate was asked for, or unknown
  std::string unknown_because;   // why it is unknown; a clause without a full stop
};

// If the database accepts 10 % less than the rate, the result is never true, however short the run.
Sustained sustained(const RunReport& report);

}  // namespace loadgen
