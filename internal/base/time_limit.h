// Calls a function when a step takes too long. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "base/clock.h"

namespace loadgen {

class TimeLimit {
 public:
  // Calls `on_expiry` once, on a thread of its own, when `limit` has passed since construction or
  // the last restart(). It must not block for long: the destructor waits for it. Borrows the clock.
  // Throws std::system_error when the thread cannot be started.
  TimeLimit(Clock& clock, nanoseconds limit, std::function<void()> on_expiry);
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  ~TimeLimit() = default;

  // Ends the limit and returns whether it had expired. `on_expiry` is not called afterwards.
  bool end();
  // Starts the time again, because there was progress.
  void restart();
  [[nodiscard]] bool expired() const { return expired_; }

 private:
  // Constant after construction.
  Clock& clock_;
  const nanoseconds limit_;
  const std::function<void()> on_expiry_;

  std::atomic<TimePoint> deadline_;
  std::atomic<bool> expired_{false};
  std::jthread thread_;
};

}  // namespace loadgen
