#include "commands.h"

#include "plan/plan.h"
#include "report/deliver.h"
#include "report/judge.h"
#include "report/output_file.h"
#include "run/log.h"
#include "run/replay.h"
#include "run/run.h"
#include "run/verify.h"
#include "sink/make_target.h"

namespace loadgen {
namespace {

void start_logging(const Options& options) {
  start_logging(options.log_level, options.quiet ? LogLevel::kWarn : LogLevel::kDebug);
}

// What the run reads or writes itself: no result may be put there.
std::vector<std::string> files_of(const Options& options, const Target& target) {
  std::vector<std::string> files = target.files();
  files.push_back(options.dead_letter);
  if (!options.unsent.empty()) files.push_back(options.unsent);
  if (!options.spool.empty()) files.push_back(options.spool + "/spool.db");
  return files;
}

}  // namespace

int execute(const Options& options) {
  SteadyClock clock;
  start_logging(options);
  const Plan plan = make_plan(options, clock);
  const auto target = make_target(plan.options, clock);
  check_destination(options.json, files_of(options, *target));

  const RunReport report = run_pipeline(plan, *target, clock);

  deliver(report, options.json);
  return report.exit_code;
}

int execute(const Replay& wanted) {
  SteadyClock clock;
  start_logging(wanted.options);
  const auto target = make_target(wanted.options, clock);
  const ReplayReport report = replay(wanted, *target, clock);
  write_stdout(to_text(report));
  return report.dead_again > 0 ? kExitLosses : kExitOk;
}

int execute(const Verify& wanted) {
  SteadyClock clock;
  start_logging(wanted.options);
  const VerifyReport report = verify(wanted, clock);
  write_stdout(to_text(report));
  return report.audit.result.passed == true ? kExitOk : kExitViolation;
}

int execute(const ShowText& text) {
  write_stdout(text.text);
  return kExitOk;
}

}  // namespace loadgen
