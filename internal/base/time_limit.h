// Ends a step that takes too long, by calling whoever can interrupt it. Thread-safe.
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
  // Throws std::system_error when there can be no thread.
  TimeLimit(Clock& clock, nanoseconds limit, std::function<void()> on_expiry);
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  ~TimeLimit() = default;

  // Ends it: returns whether it had expired, and `on_expiry` is not called after that.
  bool end();
  // There was progress.
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
