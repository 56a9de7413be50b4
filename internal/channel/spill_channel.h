// The channel of --on-full=spill: a channel in memory with the spool behind it. Messages go to the
// spool while the ring is full or the target is down. Order is kept: as long as messages wait on
// disk, new ones go there too, and the ring is refilled from disk. A later run delivers spooled
// messages if this one cannot; messages only in memory are lost if the process dies. Never drops;
// push blocks only while the spool is full.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "channel/depth_gauge.h"
#include "channel/memory_channel.h"
#include "spool/custody.h"

namespace loadgen {

class SpillChannel final : public Channel {
 public:
  // capacity: messages in memory, at least 1. While `target_is_down` returns true, messages are
  // spooled at once; it must not block. Borrows custody, which has a spool, and clock.
  SpillChannel(std::size_t capacity, Clock& clock, Custody& custody,
               std::function<bool()> target_is_down);

  PushResult push(std::span<Message> batch) override;
  std::size_t pop(std::span<Message> out, std::optional<TimePoint> deadline,
                  const std::stop_token& stop) override;
  void close() override;
  // Messages that wait on disk stay there.
  void abandon() override;
  [[nodiscard]] bool finished() const override { return ring_.finished(); }
  // Depth includes messages that wait on disk; capacity does not.
  [[nodiscard]] ChannelStats stats() const override;

 private:
  void refill_locked();

  // Constant after construction.
  Clock& clock_;
  Custody& custody_;
  const std::function<bool()> target_is_down_;

  MemoryChannel ring_;
  // Held during reads of the spool, which keeps them in order, but never during a write to it.
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<SequenceRange> backlog_;  // on disk and not in the ring, oldest first
  DepthGauge waiting_;                 // messages in the backlog
  std::uint64_t depth_max_ = 0;        // of the ring and of what waits on disk together
  bool closed_ = false;
  bool broken_ = false;  // what waits on disk cannot be read
};

}  // namespace loadgen
