// Parse, plan, run, report; and the only place that turns an outcome into the process's exit.

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <string>

#include "base/error.h"
#include "options/parse_options.h"
#include "plan/plan.h"
#include "report/deliver.h"
#include "report/judge.h"
#include "report/output_file.h"
#include "run/log.h"
#include "run/process.h"
#include "run/run.h"
#include "sink/make_target.h"

namespace {

using namespace loadgen;

int run(const Options& options) {
  SteadyClock clock;
  start_logging(options.quiet ? std::max(LogLevel::kWarn, options.log_level) : options.log_level);
  const Plan plan = make_plan(options, clock);
  const auto target = make_target(plan.options, clock);
  check_destination(options.json, target->files());

  const RunReport report = run_pipeline(plan, *target, clock);

  deliver(report, options.json);
  return report.exit_code;
}

int fail(const std::exception& error, ExitCode code) {
  write_all(STDERR_FILENO, std::string("app: ") + error.what() + "\n");
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  try {
    const auto parsed = parse_options(argc, argv);
    if (const auto* options = std::get_if<Options>(&parsed)) return run(*options);
    write_stdout(std::get<ShowText>(parsed).text);
    return kExitOk;
  } catch (const UsageError& error) {
    return fail(error, kExitUsage);
  } catch (const std::exception& error) {
    return fail(error, kExitFailed);
  }
}
