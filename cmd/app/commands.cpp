#include "commands.h"

#include <fmt/format.h>

#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "delivery/letter_file.h"
#include "plan/plan.h"
#include "report/command_json.h"
#include "report/judge.h"
#include "report/output_file.h"
#include "report/publish_report.h"
#include "report/result_outputs.h"
#include "report/text_report.h"
#include "run/conclude.h"
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

// Links are refused too, because letters are not written through a link.
void check_letters(const char* flag, const std::string& path) {
  if (path.empty()) return;
  if (const int error = LetterFile(path).check(); error != 0) {
    throw UsageError(
        fmt::format("{}={}: cannot be written: {}", flag, one_line(path), std::strerror(error)));
  }
}

// Files beside the result, which may not take its place on stdout.
void check_side_files(const Options& options, std::vector<std::string>& taken) {
  const auto check = [&](const char* flag, const std::string& path) {
    if (path.empty()) return;
    if (path == "-" || path == "/dev/stdout") {
      throw UsageError(
          fmt::format("{}={}: cannot go to standard output, which is for the result; "
                      "name a file",
                      flag, path));
    }
    check_destination(flag, path, taken);
    taken.push_back(path);
  };
  check("--hdr-log", options.hdr_log);
  check("--hgrm", options.hgrm);
  check("--timeseries", options.timeseries);
}

// Each file that the user names may be written by only one part of the run.
void check_destinations(const Options& options, const Target& target) {
  std::vector<std::string> taken = target.files();
  if (!options.spool.empty()) taken.push_back(options.spool + "/spool.db");
  if (options.dead_letter != Options().dead_letter) {
    check_destination("--dead-letter", options.dead_letter, taken);
    check_letters("--dead-letter", options.dead_letter);
  } else if (const int error = LetterFile(options.dead_letter).check(); error != 0) {
    // The default file must not stop a run that may never need it.
    log_unwritable_letters(options.dead_letter, error);
  }
  taken.push_back(options.dead_letter);
  check_destination("--unsent", options.unsent, taken);
  check_letters("--unsent", options.unsent);
  if (!options.unsent.empty()) taken.push_back(options.unsent);
  check_side_files(options, taken);
  check_outputs(options, taken);
}

// For a command that failed without a result. If a file cannot be written, that must not hide the
// reason.
void publish_failure(const std::vector<Output>& outputs, std::string_view reason) {
  try {
    publish("", outputs);
  } catch (const SetupError& problem) {
    if (problem.what() != reason) write_last_line(fmt::format("app: {}\n", problem.what()));
  }
}

// The result of a command other than run.
struct Result {
  int exit_code;
  std::string text;
  std::string json;
};

// Runs the command and publishes its result, or writes the failure to the file.
template <typename Command>
int with_json(const std::string& destination, const std::vector<std::string>& taken,
              Command command) {
  check_destination("--json", destination, taken);
  std::optional<Result> result;
  try {
    check_stdout();
    result = command();
  } catch (const std::exception& error) {
    const std::string json = json_failure(reason_of(error), exit_code_of(error));
    publish_failure({{"--json", destination, json}}, error.what());
    throw;
  }
  publish(result->text, {{"--json", destination, result->json}});
  return result->exit_code;
}

int exit_code(const VerifyReport& report) {
  if (!report.unjudged_because.empty()) return kExitFailed;
  return report.audit.passed == true ? kExitOk : kExitViolation;
}

}  // namespace

// An error of the operating system must not look like one of the database.
std::string reason_of(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return "the system gives this process no more memory";
  }
  if (const auto* refused = dynamic_cast<const std::system_error*>(&error);
      refused != nullptr && refused->code() == std::errc::resource_unavailable_try_again) {
    return "the system gives this process no more threads";
  }
  return error.what();
}

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

  bool published = false;
  const auto to_user = [&](const RunReport& report) {
    published = true;
    publish(text_report(report), outputs_of(report, options));
  };
  try {
    check_stdout();
    return run(plan, *target, clock, to_user).exit_code;
  } catch (const std::exception& error) {
    // The file must not keep the result of an earlier run.
    if (!published) {
      const RunReport report =
          report_failed_start(plan, *target, clock, reason_of(error), exit_code_of(error));
      publish_failure(outputs_of(report, options), error.what());
    }
    throw;
  }
}

int execute(const Replay& wanted) {
  SteadyClock clock;
  start_logging(wanted.options);
  std::vector<std::string> taken = make_target(wanted.options, clock)->files();
  taken.push_back(wanted.file);
  return with_json(wanted.options.json, taken, [&] {
    const ReplayReport report = replay(wanted, clock);
    const int code = report.dead_again > 0 ? kExitLosses : kExitOk;
    return Result{code, to_text(report), to_json(report, code)};
  });
}

int execute(const Verify& wanted) {
  SteadyClock clock;
  start_logging(wanted.options);
  const std::vector<std::string> taken = make_target(wanted.options, clock)->files();
  return with_json(wanted.options.json, taken, [&] {
    const VerifyReport report = verify(wanted, clock);
    const int code = exit_code(report);
    return Result{code, to_text(report), json_verify(report, code)};
  });
}

// Succeeds whatever became of the run.
int execute(const Report& wanted) {
  check_outputs(wanted.options, {wanted.file});
  check_stdout();
  publish_again(wanted.file, wanted.options);
  return kExitOk;
}

int execute(const ShowText& text) {
  write_stdout(text.text);
  return kExitOk;
}

}  // namespace loadgen
