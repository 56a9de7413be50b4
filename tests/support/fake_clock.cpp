#include "support/fake_clock.h"

#include <algorithm>
#include <thread>

namespace loadgen {

TimePoint FakeClock::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

WallTime FakeClock::wall_now() const {
  return WallTime(std::chrono::seconds(1'700'000'000)) +
         std::chrono::duration_cast<WallTime::duration>(now().time_since_epoch());
}

std::cv_status FakeClock::wait_until(std::condition_variable& wakeup,
                                     std::unique_lock<std::mutex>& lock, TimePoint deadline) {
  Sleeper self{&wakeup, deadline};
  {
    const std::lock_guard own(mutex_);
    if (now_ >= deadline) return std::cv_status::timeout;
    sleepers_.push_back(&self);
  }
  wakeup.wait(lock);
  const std::lock_guard own(mutex_);
  std::erase(sleepers_, &self);
  return now_ >= deadline ? std::cv_status::timeout : std::cv_status::no_timeout;
}

void FakeClock::advance(nanoseconds by) {
  {
    const std::lock_guard lock(mutex_);
    now_ += by;
  }
  // Again and again: a sleeper may be registered and not yet waiting. Its mutex cannot be taken
  // here, for it takes ours while holding that.
  for (bool due = true; due; std::this_thread::yield()) {
    const std::lock_guard lock(mutex_);
    due = false;
    for (const Sleeper* sleeper : sleepers_) {
      if (sleeper->deadline > now_) continue;
      due = true;
      sleeper->wakeup->notify_all();
    }
  }
}

void FakeClock::await_sleepers(std::size_t count) const {
  for (;; std::this_thread::yield()) {
    const std::lock_guard lock(mutex_);
    if (sleepers_.size() >= count) return;
  }
}

}  // namespace loadgen
