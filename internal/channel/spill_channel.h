// The channel of --on-full=spill: a channel in memory, and behind it the spool, for what comes
// while the ring is full or the target is down. Order is kept: as long as anything waits on disk,
// what comes goes there, too, and the ring is filled up from it. What was spooled is delivered by a
// later run if this one cannot; what is only in memory is as safe as the process. Never drops; push
// blocks only while the spool is full.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "channel/memory_channel.h"
#include "spool/custody.h"

namespace loadgen {

class SpillChannel final : public Channel {
 public:
  // capacity: messages in memory, at least 1. `target_is_down` says whether to spool at once; it
  // must not block. Borrows custody, which has a spool, and clock.
  SpillChannel(std::size_t capacity, Clock& clock, Custody& custody,
               std::function<bool()> target_is_down);

  PushResult push(std::span<Message> batch) override;
  std::size_t pop(std::span<Message> out, std::optional<TimePoint> deadline,
                  const std::stop_token& stop) override;
  void close() override;
  // What waits on disk stays there.
  void abandon() override;
  [[nodiscard]] bool finished() const override { return ring_.finished(); }
  // Depth counts what waits on disk, too; capacity does not.
  [[nodiscard]] ChannelStats stats() const override;

 private:
  void refill_locked();
  void note_waiting_locked(std::uint64_t waiting);

  // Constant after construction.
  Clock& clock_;
  Custody& custody_;
  const std::function<bool()> target_is_down_;
  const TimePoint start_;

  MemoryChannel ring_;
  // Held over reads of the spool, so that they come in order, and never over a write to it.
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<SequenceRange> backlog_;  // on disk and not in the ring, oldest first
  std::uint64_t waiting_ = 0;          // messages in it
  std::uint64_t depth_max_ = 0;
  double waiting_time_ = 0;  // integral of waiting_, in message-nanoseconds
  TimePoint waiting_since_;
  bool closed_ = false;
  bool broken_ = false;  // what waits on disk cannot be read
};

}  // namespace loadgen
