#include "run/outside.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

#include "base/error.h"
#include "report/judge.h"

namespace loadgen {

Outside::Outside(Clock& clock, Lane& lane, Target& target) try
    : lane_(lane),
      target_(target),
      signals_(clock, [this](int signal, int nth) { on_signal(signal, nth); }),
      memory_([this] { on_low_memory(); }) {
} catch (const std::system_error& error) {
  throw SetupError(fmt::format("cannot start a thread: {}", error.what()));
}

void Outside::on_signal(int signal, int nth) {
  const std::string name = sigabbrev_np(signal);
  if (nth == 1) {
    lane_.ending().drain(signal);
    if (auditing_) {
      spdlog::warn("SIG{}: the run is over and is being audited; once more ends the audit.", name);
    } else {
      spdlog::warn("SIG{}: stopping producers and draining; once more aborts.", name);
    }
  } else if (nth == 2) {
    lane_.ending().abort(signal);
    target_.interrupt();
    spdlog::warn("SIG{} again: aborting {}; once more exits at once.", name,
                 auditing_ ? "the audit" : "writes");
  } else {
    std::_Exit(kExitSignal + signal);
  }
}

void Outside::on_low_memory() {
  try {
    lane_.fail({WriteOutcome::kNotWritten,
                {.code = "memory",
                 .message = "memory ran out; the run ends",
                 .error_class = ErrorClass::kFatal}});
  } catch (const std::bad_alloc&) {
    lane_.ending().give_up();
  }
}

}  // namespace loadgen
