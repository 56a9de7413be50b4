#include "run/verify.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/redact.h"
#include "report/recorded_run.h"
#include "run/audit_watch.h"
#include "run/await_database.h"
#include "sink/make_target.h"

namespace loadgen {

namespace {

// Connects the target, too.
RecordedRun find(Target& target, std::optional<std::int64_t> run_id, const Options& options,
                 Clock& clock) {
  std::optional<RecordedRun> run;
  if (RunLog* const log = target.run_log()) {
    await_database(
        clock, options, [&target] { target.interrupt(); }, [&] { run = log->find(run_id); });
  }
  if (run) return *std::move(run);
  throw SetupError(fmt::format("{}: there is no {} in loadgen_runs", one_line(redact(options.db)),
                               run_id ? fmt::format("run {}", *run_id) : std::string("run")));
}

}  // namespace

VerifyReport verify(const Verify& wanted, Clock& clock) {
  Options options = wanted.options;
  const RecordedRun run = find(*make_target(options, clock), wanted.run_id, options, clock);
  options.table = run.table;
  const auto target = make_target(options, clock);
  const RecordedRun before = find(*target, run.run_id, options, clock);
  const RecordedFacts facts = facts_of(before);
  AuditResult audit;
  {
    AuditWatch watch(clock);
    retry_lost_session(clock, [&] {
      audit = audit_recorded(target->rows(), facts, options.verify, &watch.rows_read());
    });
  }
  return judge_recorded(before, find(*target, run.run_id, options, clock), facts, audit);
}

}  // namespace loadgen
