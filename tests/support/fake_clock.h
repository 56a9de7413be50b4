// A clock that stands still until a test moves it. Thread-safe.
#pragma once

#include <mutex>
#include <vector>

#include "base/clock.h"

namespace loadgen {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override;
  [[nodiscard]] WallTime wall_now() const override;
  std::cv_status wait_until(std::condition_variable& wakeup, std::unique_lock<std::mutex>& lock,
                            TimePoint deadline) override;

  // Moves the time on and returns once every thread whose deadline has come is awake.
  void advance(nanoseconds by);
  // Returns once this many threads wait for the clock.
  void await_sleepers(std::size_t count) const;

 private:
  struct Sleeper {
    std::condition_variable* wakeup;
    TimePoint deadline;
  };

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  TimePoint now_{std::chrono::hours(1000)};
  std::vector<Sleeper*> sleepers_;
};

}  // namespace loadgen
