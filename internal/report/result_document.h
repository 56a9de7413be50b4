// The result of a run as one JSON document. JSON, Markdown and JUnit outputs, and comparisons, are
// functions of it, so a result that was read back (report/result_file.h) is treated like a fresh
// one. Its keys are a contract: docs/result.schema.json. Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "report/run_report.h"

namespace loadgen {

inline constexpr int kJsonSchemaVersion = 1;

// Text that is not UTF-8 has U+FFFD in its place.
nlohmann::ordered_json result_document(const RunReport& report);
nlohmann::ordered_json audit_json(const AuditResult& audit);

// Indented, without a newline at the end. Text that is not UTF-8 gets U+FFFD in its place.
std::string json_text(const nlohmann::ordered_json& document);

// The result as JSON, with a newline at its end.
std::string json_report(const nlohmann::ordered_json& document);
std::string json_report(const RunReport& report);

// Only the "config" object, which loadgen_runs keeps from the start of a run.
std::string json_config(const Options& config);

}  // namespace loadgen
