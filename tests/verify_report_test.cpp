#include "report/verify_report.h"

#include <doctest/doctest.h>

#include <string>

using namespace loadgen;

namespace {

RecordedRun run_with(std::uint64_t frames, std::uint64_t rows, std::string result = "{}") {
  return {.run_id = 7,
          .table = "messages",
          .config_json = {},
          .result_json = std::move(result),
          .ledger_rows = rows,
          .ledger_frames = frames};
}

RecordedFacts stored(std::uint64_t rows, bool has_ledger = true) {
  RecordedFacts facts;
  facts.stored = rows;
  facts.has_ledger = has_ledger;
  return facts;
}

AuditResult passed(std::uint64_t rows) {
  AuditResult audit;
  audit.mode = VerifyMode::kFull;
  audit.checked = rows;
  audit.passed = true;
  return audit;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("verify report: an audit the ledger bears out stands") {
  const RecordedRun run = run_with(2, 100);
  const VerifyReport report = judge_recorded(run, run, stored(100), passed(100));
  CHECK(report.audit.passed == true);
  CHECK(contains(to_text(report), "Audit     passed: 100 rows read back"));
  CHECK_FALSE(contains(to_text(report), "no recorded end"));
}

TEST_CASE("verify report: a ledger with fewer rows than the table or the result judges nothing") {
  const RecordedRun run = run_with(1, 99);
  struct Case {
    std::uint64_t read_back;
    std::uint64_t counted;
  };
  for (const Case& rows : {Case{100, 90}, Case{90, 100}, Case{100, 100}}) {
    CAPTURE(rows.read_back);
    const VerifyReport report =
        judge_recorded(run, run, stored(rows.counted), passed(rows.read_back));
    CHECK_FALSE(report.audit.passed.has_value());
    CHECK(contains(to_text(report),
                   "Cannot judge: the run stored 100 rows, and loadgen_ledger "
                   "accounts for 99: some of its rows were deleted"));
    CHECK_FALSE(contains(to_text(report), "passed"));
  }
}

TEST_CASE("verify report: a run without a ledger is judged without it") {
  const RecordedRun run = run_with(0, 0);
  CHECK(judge_recorded(run, run, stored(100, false), passed(100)).audit.passed == true);
}

TEST_CASE("verify report: a failed audit stands, whatever the ledger has lost") {
  const RecordedRun run = run_with(0, 0);
  AuditResult audit = passed(100);
  audit.duplicated = 1;
  audit.passed = false;
  const VerifyReport report = judge_recorded(run, run, stored(100), audit);
  CHECK(report.audit.passed == false);
  CHECK(contains(to_text(report), "Audit     FAILED"));
}

TEST_CASE("verify report: a run that goes on, or ended during the audit, is not judged") {
  RecordedFacts facts;
  facts.has_ledger = true;
  const VerifyReport going_on =
      judge_recorded(run_with(2, 100, ""), run_with(3, 150, ""), facts, passed(120));
  CHECK(contains(to_text(going_on), "Cannot judge: the run is still going on."));
  CHECK(contains(to_text(going_on), "It has no recorded end"));
  const VerifyReport ended =
      judge_recorded(run_with(2, 100, ""), run_with(3, 150), facts, passed(120));
  CHECK(contains(to_text(ended), "Cannot judge: the run ended meanwhile; verify it again."));
  CHECK_FALSE(ended.audit.passed.has_value());
}

TEST_CASE("verify report: a run that was killed is judged by its ledger") {
  RecordedFacts facts;
  facts.has_ledger = true;
  const RecordedRun run = run_with(2, 100, "");
  const VerifyReport report = judge_recorded(run, run, facts, passed(100));
  CHECK(report.audit.passed == true);
  CHECK(contains(to_text(report), "It has no recorded end: it is still going on, was killed"));
}
