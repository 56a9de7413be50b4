// The result as JSON, for programs. Its keys are a contract: docs/result.schema.json.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "report/run_report.h"
#include "report/verify_report.h"

namespace loadgen {

inline constexpr int kJsonSchemaVersion = 1;

// One JSON document with a newline at its end. Text that is not UTF-8 gets U+FFFD in its place.
std::string json_report(const RunReport& report);

// The results of the other commands. Their keys are contracts, too: docs/verify.schema.json and
// docs/replay.schema.json.
std::string json_verify(const VerifyReport& report, int exit_code);
using NamedCounts = std::initializer_list<std::pair<const char*, std::uint64_t>>;
std::string json_counts(NamedCounts counts, int exit_code);
// For a command that failed without a result.
std::string json_failure(const std::string& reason, int exit_code);

// Only the "config" object, which loadgen_runs keeps from the start of a run.
std::string json_config(const Options& config);

}  // namespace loadgen
