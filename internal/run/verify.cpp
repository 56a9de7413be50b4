#include "run/verify.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/redact.h"
#include "report/recorded_run.h"
#include "sink/make_target.h"

namespace loadgen {

namespace {

// Connects the target, too.
RecordedRun find(Target& target, std::optional<std::int64_t> run_id, const std::string& db) {
  if (auto run = target.find_run(run_id)) return *std::move(run);
  throw SetupError(fmt::format("{}: there is no {} in loadgen_runs", one_line(redact(db)),
                               run_id ? fmt::format("run {}", *run_id) : std::string("run")));
}

}  // namespace

VerifyReport verify(const Verify& wanted, Clock& clock) {
  Options options = wanted.options;
  const RecordedRun run = find(*make_target(options, clock), wanted.run_id, options.db);
  options.table = run.table;
  const auto target = make_target(options, clock);
  const RecordedRun before = find(*target, run.run_id, options.db);
  const RecordedFacts facts = facts_of(before);
  const AuditResult audit = audit_recorded(*target, facts, options.verify);
  return judge_recorded(before, find(*target, run.run_id, options.db), facts, audit);
}

}  // namespace loadgen
