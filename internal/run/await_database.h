// Waits for a database that is not up yet, that somebody else has locked, or that lost a session.
#pragma once

#include <spdlog/spdlog.h>

#include <chrono>

#include "base/clock.h"
#include "sink/sink.h"

namespace loadgen {

// Calls action() until it succeeds, fails for good, or has failed for `longest`. Blocks. Throws
// what the last call threw.
template <typename Action>
void await_database(Clock& clock, nanoseconds longest, Action action) {
  constexpr std::chrono::milliseconds kPause{200};
  const TimePoint deadline = clock.now() + longest;
  for (bool first = true;; first = false) {
    try {
      return action();
    } catch (const ConnectError& error) {
      const ErrorClass why = error.error().error_class;
      const bool may_pass = why == ErrorClass::kOutage || why == ErrorClass::kContention;
      if (!may_pass || clock.now() + kPause > deadline) throw;
      if (first) spdlog::warn("Waiting for the database: {}", error.what());
    }
    clock.sleep_until(clock.now() + kPause, {});
  }
}

}  // namespace loadgen
