#include "commands.h"

#include <fmt/format.h>

#include "base/error.h"
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

// Each file the user names is written by one part of the run alone.
void check_destinations(const Options& options, const Target& target) {
  std::vector<std::string> taken = target.files();
  if (!options.spool.empty()) taken.push_back(options.spool + "/spool.db");
  // Where nobody chose it, it is not to stop a run that needs none.
  if (options.dead_letter != Options().dead_letter) {
    check_destination("--dead-letter", options.dead_letter, taken);
  }
  taken.push_back(options.dead_letter);
  check_destination("--unsent", options.unsent, taken);
  if (!options.unsent.empty()) taken.push_back(options.unsent);
  check_destination("--json", options.json, taken);
}

// Of a run that could not start. That its file cannot be written is not to hide the reason.
void report_to_file(const Plan& plan, Target& target, Clock& clock, const std::exception& error) {
  try {
    deliver_json(report_failed_start(plan, target, clock, error.what(), exit_code_of(error)),
                 plan.options.json);
  } catch (const SetupError& problem) {
    write_last_line(fmt::format("app: {}\n", problem.what()));
  }
}

}  // namespace

int exit_code_of(const std::exception& error) {
  if (const auto* interrupted = dynamic_cast<const StartInterrupted*>(&error)) {
    return kExitSignal + interrupted->signal();
  }
  return dynamic_cast<const UsageError*>(&error) != nullptr ? kExitUsage : kExitFailed;
}

int execute(const Options& options) {
  SteadyClock clock;
  start_logging(options);
  const Plan plan = make_plan(options, clock);
  const auto target = make_target(plan.options, clock);
  check_destinations(options, *target);

  bool delivered = false;
  const auto to_user = [&](const RunReport& report) {
    delivered = true;
    deliver(report, options.json);
  };
  try {
    return run_pipeline(plan, *target, clock, to_user).exit_code;
  } catch (const std::exception& error) {
    // A result of an earlier run must not pass for this one's.
    if (!delivered) report_to_file(plan, *target, clock, error);
    throw;
  }
}

int execute(const Replay& wanted) {
  SteadyClock clock;
  start_logging(wanted.options);
  const ReplayReport report = replay(wanted, clock);
  write_stdout(to_text(report));
  return report.dead_again > 0 ? kExitLosses : kExitOk;
}

int execute(const Verify& wanted) {
  SteadyClock clock;
  start_logging(wanted.options);
  const VerifyReport report = verify(wanted, clock);
  write_stdout(to_text(report));
  if (!report.unjudged_because.empty()) return kExitFailed;
  return report.audit.passed == true ? kExitOk : kExitViolation;
}

int execute(const ShowText& text) {
  write_stdout(text.text);
  return kExitOk;
}

}  // namespace loadgen
