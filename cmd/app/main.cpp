// Parse and execute; and the only place that turns what was thrown into the process's exit.

#include <exception>
#include <string>

#include "base/error.h"
#include "commands.h"
#include "options/parse_options.h"
#include "report/judge.h"
#include "run/log.h"
#include "run/process.h"

namespace {

using namespace loadgen;

int fail(const std::exception& error, ExitCode code) {
  write_last_line(std::string("app: ") + error.what() + "\n");
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  try {
    const int code =
        std::visit([](const auto& wanted) { return execute(wanted); }, parse_options(argc, argv));
    finish_logging();
    return code;
  } catch (const StartInterrupted& error) {
    return fail(error, static_cast<ExitCode>(kExitSignal + error.signal()));
  } catch (const UsageError& error) {
    return fail(error, kExitUsage);
  } catch (const std::exception& error) {
    return fail(error, kExitFailed);
  }
}
