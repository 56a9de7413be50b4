// Retries while a database is not up yet or is locked, or after a lost session.
#pragma once

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/redact.h"
#include "base/time_limit.h"
#include "base/units.h"
#include "options/options.h"
#include "sink/sink.h"

namespace loadgen {

// Calls action() until it succeeds, fails with a class for which may_pass(ErrorClass) is false, or
// has failed for `longest`. Blocks. Throws what the last call threw.
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

// The database did not answer in time.
struct NoAnswer : SetupError {
  using SetupError::SetupError;
};

// Runs a step that talks to the database, for at most --connect-wait (but at least 5 s). If the
// time is over, calls `interrupt` on another thread, which must end the step. Throws NoAnswer, or
// what the step throws.
template <typename Step>
void end_after_connect_wait(Clock& clock, const Options& options, std::function<void()> interrupt,
                            Step step) {
  // A database that is up also needs time to make tables.
  constexpr std::chrono::seconds kShortest{5};
  const auto longest = std::max<nanoseconds>(options.connect_wait, kShortest);
  const auto no_answer = [&] {
    return NoAnswer(fmt::format("{}: the database did not answer within {} (--connect-wait)",
                                one_line(redact(options.db)), format_duration(longest)));
  };
  std::optional<TimeLimit> limit;
  try {
    limit.emplace(clock, longest, std::move(interrupt));
  } catch (const std::system_error& error) {
    throw SetupError(fmt::format("cannot start a thread: {}", error.what()));
  }
  try {
    step();
  } catch (const SetupError&) {
    if (!limit->end()) throw;
    throw no_answer();
  }
  // It was interrupted just now, and allows no further step.
  if (limit->end()) throw no_answer();
}

// Like end_after_connect_wait(), but repeats the step while the database is down or locked.
template <typename Step>
void await_database(Clock& clock, const Options& options, std::function<void()> interrupt,
                    Step step) {
  end_after_connect_wait(clock, options, std::move(interrupt), [&] {
    try_again(clock, options.connect_wait, step, [](ErrorClass why) {
      return why == ErrorClass::kOutage || why == ErrorClass::kContention;
    });
  });
}

// Retries an action on a new session when a session was lost, for at most a second: the report must
// not wait for a database that is down or locked.
template <typename Action>
void retry_lost_session(Clock& clock, Action action) {
  constexpr std::chrono::seconds kPatience{1};
  try_again(clock, kPatience, action, [](ErrorClass why) { return why == ErrorClass::kOutage; });
}

}  // namespace loadgen
