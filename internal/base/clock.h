// How the program tells the time and sleeps, so that tests can control time
// (tests/support/fake_clock.h). Thread-safe; does not allocate.
//
// Steady time orders events and measures durations; wall time only labels them. A WallAnchor ties
// the two together once per run, so a jump of the wall clock changes no measurement.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace loadgen {

using TimePoint = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;
using std::chrono::nanoseconds;

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  [[nodiscard]] virtual TimePoint now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;

  // Like condition_variable::wait_until, spurious wake-ups included. `lock` must be held.
  virtual std::cv_status wait_until(std::condition_variable& wakeup,
                                    std::unique_lock<std::mutex>& lock, TimePoint deadline) = 0;

  // Blocks until `when` (true) or until either token has a stop request (false), whichever comes
  // first.
  bool sleep_until(TimePoint when, const std::stop_token& stop, const std::stop_token& other = {});
};

// The real clock.
class SteadyClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override;
  [[nodiscard]] WallTime wall_now() const override;
  std::cv_status wait_until(std::condition_variable& wakeup, std::unique_lock<std::mutex>& lock,
                            TimePoint deadline) override;
};

// The CPU time that the calling thread has used.
nanoseconds thread_cpu_time();

// One moment seen on both clocks.
struct WallAnchor {
  TimePoint steady;
  WallTime wall;

  [[nodiscard]] WallTime wall_at(TimePoint when) const {
    return wall + std::chrono::duration_cast<WallTime::duration>(when - steady);
  }
};

}  // namespace loadgen
