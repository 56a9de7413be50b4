#include "base/clock.h"

#include <ctime>

namespace loadgen {

bool Clock::sleep_until(TimePoint when, const std::stop_token& stop, const std::stop_token& other) {
  std::mutex mutex;
  std::condition_variable wakeup;
  const auto wake = [&] {
    const std::lock_guard lock(mutex);  // the sleeper has not checked yet, or waits already
    wakeup.notify_one();
  };
  const std::stop_callback wake_on_stop(stop, wake);
  const std::stop_callback wake_on_other(other, wake);
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && !other.stop_requested()) {
    if (wait_until(wakeup, lock, when) == std::cv_status::timeout) {
      return true;
    }
  }
  return false;
}

TimePoint SteadyClock::now() const { return std::chrono::steady_clock::now(); }

WallTime SteadyClock::wall_now() const { return std::chrono::system_clock::now(); }

std::cv_status SteadyClock::wait_until(std::condition_variable& wakeup,
                                       std::unique_lock<std::mutex>& lock, TimePoint deadline) {
  return wakeup.wait_until(lock, deadline);
}

nanoseconds thread_cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

}  // namespace loadgen
