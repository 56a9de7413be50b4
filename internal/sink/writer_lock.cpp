#include "sink/writer_lock.h"

namespace loadgen {

bool WriterLock::lock(const std::stop_token& stop) {
  Waiter self;
  const std::stop_callback wake_on_stop(stop, [&] {
    const std::lock_guard lock(mutex_);
    self.granted_or_stopped.notify_one();
  });
  std::unique_lock lock(mutex_);
  if (stop.stop_requested()) return false;
  if (!held_) {
    held_ = true;
    return true;
  }
  (last_ == nullptr ? first_ : last_->next) = &self;
  last_ = &self;
  self.granted_or_stopped.wait(lock, [&] { return self.granted || stop.stop_requested(); });
  if (self.granted) return true;  // unlock() took it off the queue and left the lock held for it
  leave_locked(self);
  return false;
}

void WriterLock::unlock() {
  const std::lock_guard lock(mutex_);
  if (first_ == nullptr) {
    held_ = false;
    return;
  }
  Waiter& heir = *first_;
  leave_locked(heir);
  heir.granted = true;
  heir.granted_or_stopped.notify_one();  // under the lock: the waiter's stack may go right after
}

std::size_t WriterLock::waiting() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const Waiter* at = first_; at != nullptr; at = at->next) ++count;
  return count;
}

void WriterLock::leave_locked(Waiter& waiter) {
  Waiter* previous = nullptr;
  for (Waiter* at = first_; at != &waiter; at = at->next) previous = at;
  (previous == nullptr ? first_ : previous->next) = waiter.next;
  if (last_ == &waiter) last_ = previous;
}

}  // namespace loadgen
