// Parse, plan, run, report; and the only place that turns an outcome into the process's exit.

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <optional>
#include <string>

#include "base/error.h"
#include "options/parse_options.h"
#include "plan/plan.h"
#include "report/json_report.h"
#include "report/judge.h"
#include "report/output_file.h"
#include "report/text_report.h"
#include "run/log.h"
#include "run/run.h"
#include "sink/make_target.h"

namespace {

using namespace loadgen;

// A reader that went away, as in "| head -1", has seen what it wanted; a full disk is an error.
void print(const std::string& text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error != 0 && error != EPIPE) {
    throw SetupError(std::string("cannot write to standard output: ") + std::strerror(error));
  }
}

int run(const Options& options) {
  SteadyClock clock;
  use_precise_timers();
  start_logging(options.quiet ? LogLevel::kWarn : options.log_level);
  const Plan plan = make_plan(options, clock);
  const auto target = make_target(plan.options, clock);
  std::optional<OutputFile> json_file;
  const bool json_to_stdout = options.json == "-";
  if (!options.json.empty() && !json_to_stdout) json_file.emplace("--json", options.json);

  const RunReport report = run_pipeline(plan, *target, clock);

  print(json_to_stdout ? json_report(report) : text_report(report));
  if (json_file) json_file->commit(json_report(report));
  return report.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  const auto fail = [](const std::exception& error, int code) {
    write_all(STDERR_FILENO, std::string("app: ") + error.what() + "\n");
    return code;
  };
  try {
    const auto parsed = parse_options(argc, argv);
    if (const auto* show = std::get_if<ShowText>(&parsed)) {
      print(show->text);
      return kExitOk;
    }
    return run(std::get<Options>(parsed));
  } catch (const UsageError& error) {
    return fail(error, kExitUsage);
  } catch (const std::exception& error) {
    return fail(error, kExitFailed);
  }
}
