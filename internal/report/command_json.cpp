#include "report/command_json.h"

#include <nlohmann/json.hpp>

#include "report/result_document.h"

namespace loadgen {

using Json = nlohmann::ordered_json;

std::string json_verify(const VerifyReport& report, int exit_code) {
  const RecordedRun& run = report.run;
  const bool judged = report.unjudged_because.empty();
  return json_text({{"schema_version", kJsonSchemaVersion},
                    {"run_id", std::to_string(run.run_id)},
                    {"table", run.table},
                    {"ended", !run.result_json.empty()},
                    {"ledger", {{"frames", run.ledger_frames}, {"rows", run.ledger_rows}}},
                    {"audit", audit_json(report.audit)},
                    {"unjudged_because", judged ? Json(nullptr) : Json(report.unjudged_because)},
                    {"exit_code", exit_code},
                    {"failure", nullptr}}) +
         "\n";
}

std::string json_counts(NamedCounts counts, int exit_code) {
  Json json{{"schema_version", kJsonSchemaVersion}};
  for (const auto& [name, count] : counts) json[name] = count;
  json["exit_code"] = exit_code;
  json["failure"] = nullptr;
  return json_text(json) + "\n";
}

std::string json_failure(const std::string& reason, int exit_code) {
  return json_text({{"schema_version", kJsonSchemaVersion},
                    {"exit_code", exit_code},
                    {"failure", {{"message", reason}}}}) +
         "\n";
}

}  // namespace loadgen
