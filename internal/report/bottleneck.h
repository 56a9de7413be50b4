// Finds what limited the speed of a run, from where its time went. Pure functions of a finished
// report.
#pragma once

#include <string>
#include <string_view>

#include "report/run_report.h"

namespace loadgen {

// A clause about a run that was slower than asked, or as fast as it could be: "the bottleneck was
// the database: ...", or, if the figures show nothing, "what the bottleneck was cannot be told:
// ...". `what` is the word for it, such as "bottleneck".
std::string blame(const RunReport& report, std::string_view what);

// For programs. A rate that was sustained has no bottleneck.
Bottleneck find_bottleneck(const RunReport& report);

}  // namespace loadgen
