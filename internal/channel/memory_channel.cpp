#include "channel/memory_channel.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace loadgen {

MemoryChannel::MemoryChannel(std::size_t capacity, OnFull policy, Clock& clock,
                             OnEvicted on_evicted)
    : policy_(policy),
      clock_(clock),
      on_evicted_(std::move(on_evicted)),
      capacity_(capacity),
      depth_(clock.now()) {
  assert(capacity > 0 && policy != OnFull::kSpill);
  ring_.reserve(capacity);
}

PushResult MemoryChannel::push(std::span<Message> batch) {
  PushResult result;
  Lock lock(mutex_);
  while (!closed_) {
    if (policy_ == OnFull::kDropOld && batch.size() > room_locked()) {
      // If the batch is larger than the ring, only its newest messages can stay.
      result.dropped += evict_locked(std::min(batch.size() - room_locked(), size_));
    }
    const std::size_t put = put_locked(batch);
    result.accepted += put;
    batch = batch.subspan(put);
    const Wakeups wakeups = after_push_locked();
    const bool wait = !batch.empty() && policy_ == OnFull::kBlock;
    if (!wait && (batch.empty() || policy_ != OnFull::kDropOld)) {
      if (!batch.empty()) {
        result.status = policy_ == OnFull::kAbort ? PushStatus::kFull : PushStatus::kDone;
        if (policy_ == OnFull::kDropNew) result.dropped += batch.size();
      }
      lock.unlock();
      notify(wakeups);
      return result;
    }
    notify(wakeups);  // someone must make room before this pusher can go on
    if (wait && !wait_for_room(lock)) break;
  }
  result.status = PushStatus::kClosed;
  return result;
}

bool MemoryChannel::wait_for_room(Lock& lock) {
  const TimePoint begin = clock_.now();
  ++waiting_.for_room;
  room_.wait(lock, [&] { return closed_ || size_ < capacity_; });
  --waiting_.for_room;
  blocked_ += clock_.now() - begin;
  return !closed_;
}

std::size_t MemoryChannel::pop(std::span<Message> out, std::optional<TimePoint> deadline,
                               const std::stop_token& stop) {
  assert(!out.empty());
  const std::stop_callback wake_on_stop(stop, [this] {
    { const std::lock_guard lock(mutex_); }  // pop() has not checked yet, or waits already
    first_.notify_all();
    fill_.notify_all();
  });
  Lock lock(mutex_);
  if (deadline) wait_to_fill(lock, out.size(), *deadline, stop);
  const bool may_take = deadline || wait_for_first(lock, stop);
  const std::size_t taken = may_take ? take_locked(out) : 0;
  Wakeups wakeups;
  wakeups.room = taken > 0 && waiting_.for_room > 0;
  // The rest may be enough for the next consumer, which was not woken when it was pushed.
  wakeups.first = waiting_.for_first > 0 && size_ > waiting_.reserved;
  lock.unlock();
  notify(wakeups);
  return taken;
}

bool MemoryChannel::wait_for_first(Lock& lock, const std::stop_token& stop) {
  ++waiting_.for_first;
  first_.wait(lock, [&] { return closed_ || size_ > waiting_.reserved || stop.stop_requested(); });
  --waiting_.for_first;
  return size_ > 0 && !stop.stop_requested();
}

void MemoryChannel::wait_to_fill(Lock& lock, std::size_t want, TimePoint deadline,
                                 const std::stop_token& stop) {
  want = std::min(want, capacity_);  // the ring cannot hold more
  ++waiting_.to_fill;
  waiting_.reserved += want;
  while (!closed_ && size_ < want && !stop.stop_requested()) {
    waiting_.smallest_want = std::min(waiting_.smallest_want, want);
    if (clock_.wait_until(fill_, lock, deadline) == std::cv_status::timeout) break;
  }
  waiting_.reserved -= want;
  --waiting_.to_fill;
}

void MemoryChannel::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
  first_.notify_all();
  fill_.notify_all();
}

bool MemoryChannel::finished() const {
  const std::lock_guard lock(mutex_);
  return closed_ && size_ == 0;
}

std::size_t MemoryChannel::room() const {
  const std::lock_guard lock(mutex_);
  return room_locked();
}

ChannelStats MemoryChannel::stats() const {
  const std::lock_guard lock(mutex_);
  const TimePoint now = clock_.now();
  return {.capacity = capacity_,
          .depth = size_,
          .depth_max = depth_.max(),
          .depth_mean = depth_.mean(now),
          .blocked = blocked_};
}

std::size_t MemoryChannel::put_locked(std::span<Message> batch) {
  const std::size_t count = std::min(batch.size(), room_locked());
  if (count == 0) return 0;
  std::size_t slot = head_ + size_;
  if (slot >= capacity_) slot -= capacity_;
  for (std::size_t i = 0; i < count; ++i) {
    if (slot == ring_.size()) ring_.emplace_back();  // the first time it is reached
    std::swap(ring_[slot], batch[i]);
    if (++slot == capacity_) slot = 0;
  }
  size_ += count;
  depth_.set(size_, clock_.now());
  return count;
}

std::size_t MemoryChannel::take_locked(std::span<Message> out) {
  const std::size_t count = std::min(out.size(), size_);
  if (count == 0) return 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(ring_[head_], out[i]);
    if (++head_ == capacity_) head_ = 0;
  }
  remove_locked(count);
  return count;
}

// Removes the oldest messages.
void MemoryChannel::remove_locked(std::size_t count) {
  size_ -= count;
  depth_.set(size_, clock_.now());
  if (size_ == 0) head_ = 0;  // so that a ring that is never full touches no more than it needs
}

std::size_t MemoryChannel::evict_locked(std::size_t count) {
  if (count == 0) return 0;
  if (on_evicted_) {
    const std::size_t before_end = std::min(count, capacity_ - head_);
    on_evicted_(std::span(ring_).subspan(head_, before_end));
    on_evicted_(std::span(ring_).first(count - before_end));
  }
  head_ = (head_ + count) % capacity_;
  remove_locked(count);
  return count;
}

std::size_t MemoryChannel::drop_oldest(std::size_t most) {
  const std::lock_guard lock(mutex_);
  return evict_locked(std::min(most, size_));
}

MemoryChannel::Wakeups MemoryChannel::after_push_locked() {
  Wakeups wakeups;
  if (waiting_.to_fill > 0 && (size_ >= waiting_.smallest_want || size_ == capacity_)) {
    wakeups.fill = true;
    waiting_.smallest_want = SIZE_MAX;  // consumers that wait on set it again
  }
  wakeups.first = waiting_.for_first > 0 && size_ > waiting_.reserved;
  // A pop wakes one pusher, not all; that pusher passes on the room it leaves.
  wakeups.room = waiting_.for_room > 0 && room_locked() > 0;
  return wakeups;
}

void MemoryChannel::notify(Wakeups wakeups) {
  if (wakeups.fill) fill_.notify_all();
  if (wakeups.first) first_.notify_one();
  if (wakeups.room) room_.notify_one();
}

}  // namespace loadgen
