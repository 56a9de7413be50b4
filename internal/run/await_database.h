// Waits for a database that is not up yet, that somebody else has locked, or that lost a session.
#pragma once

#include <spdlog/spdlog.h>

#include <chrono>

#include "base/clock.h"
#include "sink/sink.h"

namespace loadgen {

// Calls action() until it succeeds, fails for a reason that may_pass(ErrorClass) denies, or has
// failed for `longest`. Blocks. Throws what the last call threw.
template <typename Action, typename MayPass>
void try_again(Clock& clock, nanoseconds longest, Action action, MayPass may_pass) {
  constexpr std::chrono::milliseconds kPause{200};
  const TimePoint deadline = clock.now() + longest;
  for (bool first = true;; first = false) {
    try {
      return action();
    } catch (const ConnectError& error) {
      if (!may_pass(error.error().error_class) || clock.now() + kPause > deadline) throw;
      if (first) spdlog::warn("Waiting for the database: {}", error.what());
    }
    clock.sleep_until(clock.now() + kPause, {});
  }
}

// Before a run: the database may not be up yet, or be locked.
template <typename Action>
void await_database(Clock& clock, nanoseconds longest, Action action) {
  try_again(clock, longest, action, [](ErrorClass why) {
    return why == ErrorClass::kOutage || why == ErrorClass::kContention;
  });
}

// After a run: a session that was lost tells nothing of the next one. But the report is not kept
// back for a database that is down or locked.
template <typename Action>
void retry_lost_session(Clock& clock, Action action) {
  constexpr std::chrono::seconds kPatience{1};
  try_again(clock, kPatience, action, [](ErrorClass why) { return why == ErrorClass::kOutage; });
}

}  // namespace loadgen
