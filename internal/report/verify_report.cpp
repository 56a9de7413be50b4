#include "report/verify_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/redact.h"
#include "base/units.h"

namespace loadgen {
namespace {

std::string why_unjudged(const RecordedRun& before, const RecordedRun& after,
                         const RecordedFacts& facts, const AuditResult& audit) {
  const bool had_ended = !before.result_json.empty();
  if (!had_ended && !after.result_json.empty()) return "the run ended meanwhile; verify it again";
  if (!had_ended && after.ledger_frames > before.ledger_frames) return "the run is still going on";
  // Each row is written together with its frame's row in the ledger. If the ledger has lost rows,
  // the table may have lost them too, and a replay may have stored rows twice.
  const std::uint64_t stored = std::max(audit.checked, facts.stored.value_or(0));
  if (facts.has_ledger && after.ledger_rows < stored) {
    return fmt::format(
        "the run stored {} rows, and loadgen_ledger accounts for {}: some of its rows were deleted",
        format_count(stored), format_count(after.ledger_rows));
  }
  return "";
}

}  // namespace

VerifyReport judge_recorded(const RecordedRun& before, const RecordedRun& after,
                            const RecordedFacts& facts, const AuditResult& audit) {
  VerifyReport report{.run = after, .audit = audit};
  if (report.audit.passed == false) return report;
  report.unjudged_because = why_unjudged(before, after, facts, report.audit);
  if (!report.unjudged_because.empty()) report.audit.passed.reset();
  return report;
}

std::string to_text(const VerifyReport& report) {
  const AuditResult& audit = report.audit;
  const RecordedRun& run = report.run;
  std::string text = fmt::format("Run       {}, table {}\n", run.run_id, one_line(run.table));
  if (run.result_json.empty()) {
    text +=
        "          It has no recorded end: it is still going on, was killed, or could not record "
        "it.\n";
  }
  if (run.ledger_frames > 0) {
    text += fmt::format("Ledger    {} frames with {} rows\n", format_count(run.ledger_frames),
                        format_count(run.ledger_rows));
  }
  text += fmt::format(
      "Audit     {}: {} rows read back, {} lost, {} duplicated, {} unexpected, {} corrupted, {} "
      "recovered\n",
      !report.unjudged_because.empty() ? "cannot judge"
      : audit.passed == true           ? "passed"
                                       : "FAILED",
      format_count(audit.checked), format_count(audit.lost), format_count(audit.duplicated),
      format_count(audit.unexpected),
      audit.mode == VerifyMode::kFull ? format_count(audit.corrupted) : "unknown",
      format_count(audit.recovered));
  if (!report.unjudged_because.empty()) {
    text += fmt::format("          Cannot judge: {}.\n", report.unjudged_because);
  }
  return text;
}

}  // namespace loadgen
