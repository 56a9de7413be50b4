// Parses the command line and executes the command. The only place that turns exceptions into exit
// codes.

#include <exception>
#include <string>

#include "commands.h"
#include "options/parse_options.h"
#include "run/log.h"
#include "run/process.h"

namespace {

using namespace loadgen;

int fail(const std::exception& error) {
  finish_logging();
  write_last_line("app: " + reason_of(error) + "\n");
  return exit_code_of(error);
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  try {
    const int code =
        std::visit([](const auto& wanted) { return execute(wanted); }, parse_options(argc, argv));
    finish_logging();
    return code;
  } catch (const std::exception& error) {
    return fail(error);
  }
}
