// The result for programs. Its keys are a contract: docs/result.schema.json.
#pragma once

#include <string>

#include "report/run_report.h"

namespace loadgen {

inline constexpr int kJsonSchemaVersion = 1;

// One JSON document with a newline at its end. Text that is not UTF-8 gets U+FFFD in its place.
std::string json_report(const RunReport& report);

// The "config" object alone, as the runs table keeps it from the start.
std::string json_config(const Options& config);

}  // namespace loadgen
