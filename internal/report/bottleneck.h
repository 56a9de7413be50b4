// What held a run back, told from where its time went. Pure functions of a finished report.
#pragma once

#include <string>
#include <string_view>

#include "report/run_report.h"

namespace loadgen {

// A clause about a run that was slower than asked, or as fast as it could be: "the bottleneck was
// the database: ...", or, where the figures point at nothing, "what the bottleneck was is not to be
// told: ...". `what` is the word for it, such as "bottleneck".
std::string blame(const RunReport& report, std::string_view what);

}  // namespace loadgen
