// The result for people: a few lines of text for stdout.
#pragma once

#include <string>

#include "report/run_report.h"

namespace loadgen {

std::string text_report(const RunReport& report);

}  // namespace loadgen
