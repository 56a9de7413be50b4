#include "sink/writer_queue.h"

#include <utility>

namespace loadgen {

std::optional<WriteResult> WriterQueue::write(const Request& request, const std::stop_token& stop,
                                              const Write& write_one) {
  Job self(request, seats_[arrivals_.fetch_add(1, std::memory_order_relaxed) % seats_.size()]);
  const std::stop_callback wake_on_stop(stop, [&] {
    const std::lock_guard lock(mutex_);
    self.changed.notify_all();
  });
  std::unique_lock lock(mutex_);
  if (stop.stop_requested()) return std::nullopt;
  if (somebody_writes_) {
    enter_locked(self);
    self.changed.wait(lock, [&] {
      return self.state == State::kWritten || self.state == State::kOnItsOwn ||
             (self.state == State::kWaiting && stop.stop_requested());
    });
    if (self.state == State::kWritten) return std::move(self.result);
    if (self.state == State::kWaiting) {
      leave_locked(self);
      return std::nullopt;
    }
  }
  somebody_writes_ = true;
  lock.unlock();
  WriteResult result = write_one(request);
  lock.lock();
  if (result.stored()) {
    work_for_others_locked(lock, request, stop, write_one);
  }
  somebody_writes_ = first_ != nullptr;
  if (first_ != nullptr) {
    Job& heir = *first_;
    leave_locked(heir);
    tell_locked(heir, State::kOnItsOwn, lock);
  }
  return result;
}

// Ends early at a frame of another run, which needs another connection, and at the first failure,
// because the connection may be at fault. Also ends at its own deadline, so that it does not seem
// to hang.
void WriterQueue::work_for_others_locked(std::unique_lock<std::mutex>& lock, const Request& own,
                                         const std::stop_token& stop, const Write& write_one) {
  bool all_well = true;
  for (std::size_t n = 0; n < kMostForOthers && all_well && first_ != nullptr; ++n) {
    Job& job = *first_;
    if (job.request.run_id != own.run_id || stop.stop_requested()) return;
    leave_locked(job);
    job.state = State::kBeingWritten;
    lock.unlock();
    WriteResult result = write_one(job.request);
    lock.lock();
    all_well = result.stored() && (!result.confirmed || *result.confirmed < own.deadline);
    job.result = std::move(result);
    tell_locked(job, State::kWritten, lock);
    lock.lock();
  }
}

// Unlocks. As soon as its thread sees the state, the job may be destroyed.
void WriterQueue::tell_locked(Job& job, State state, std::unique_lock<std::mutex>& lock) {
  std::condition_variable& changed = job.changed;
  job.state = state;
  lock.unlock();
  changed.notify_all();
}

std::size_t WriterQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const Job* at = first_; at != nullptr; at = at->next) ++count;
  return count;
}

void WriterQueue::enter_locked(Job& job) {
  (last_ == nullptr ? first_ : last_->next) = &job;
  last_ = &job;
}

void WriterQueue::leave_locked(Job& job) {
  Job* previous = nullptr;
  for (Job* at = first_; at != &job; at = at->next) previous = at;
  (previous == nullptr ? first_ : previous->next) = job.next;
  if (last_ == &job) last_ = previous;
}

}  // namespace loadgen
