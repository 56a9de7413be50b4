// The results of commands other than run, as JSON for programs. Their keys are contracts:
// docs/verify.schema.json and docs/replay.schema.json. Pure functions; each returns one document
// with a newline at its end.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "report/verify_report.h"

namespace loadgen {

std::string json_verify(const VerifyReport& report, int exit_code);
using NamedCounts = std::initializer_list<std::pair<const char*, std::uint64_t>>;
std::string json_counts(NamedCounts counts, int exit_code);
// For a command that failed without a result.
std::string json_failure(const std::string& reason, int exit_code);

}  // namespace loadgen
