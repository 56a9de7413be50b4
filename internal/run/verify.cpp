#include "run/verify.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/redact.h"
#include "base/units.h"
#include "report/recorded_run.h"
#include "sink/make_target.h"

namespace loadgen {

std::string to_text(const VerifyReport& report) {
  const AuditResult& audit = report.audit;
  std::string text =
      fmt::format("Run       {}, table {}{}\n", report.run.run_id, one_line(report.run.table),
                  report.run.result_json.empty() ? ", without a recorded end" : "");
  if (report.run.ledger_frames > 0) {
    text +=
        fmt::format("Ledger    {} frames with {} rows\n", format_count(report.run.ledger_frames),
                    format_count(report.run.ledger_rows));
  }
  text += fmt::format(
      "Audit     {}: {} rows read back, {} lost, {} duplicated, {} unexpected, {} corrupted, {} "
      "recovered\n",
      audit.passed == true ? "passed" : "FAILED", format_count(audit.checked),
      format_count(audit.lost), format_count(audit.duplicated), format_count(audit.unexpected),
      audit.mode == VerifyMode::kFull ? format_count(audit.corrupted) : "unknown",
      format_count(report.audit.recovered));
  return text;
}

VerifyReport verify(const Verify& wanted, Clock& clock) {
  Options options = wanted.options;
  const auto run = make_target(options, clock)->find_run(wanted.run_id);
  if (!run) {
    throw SetupError(
        fmt::format("{}: there is no {} in loadgen_runs", one_line(redact(options.db)),
                    wanted.run_id ? fmt::format("run {}", *wanted.run_id) : std::string("run")));
  }
  options.table = run->table;
  const auto target = make_target(options, clock);
  const auto again = target->find_run(run->run_id);  // connects it
  return {*again, audit_recorded(*target, facts_of(*again), options.verify)};
}

}  // namespace loadgen
