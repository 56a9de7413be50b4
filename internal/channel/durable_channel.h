// The channel of --spool: every message is on disk before push returns, and in memory for whoever
// pops it. What was not settled when the process ends is delivered by a later run. Otherwise as the
// channel in memory, whose bound and policies it has; push blocks for the disk, too.
#pragma once

#include <atomic>

#include "channel/memory_channel.h"
#include "spool/custody.h"

namespace loadgen {

class DurableChannel final : public Channel {
 public:
  // capacity: messages, at least 1. Borrows custody, which has a spool, and clock.
  DurableChannel(std::size_t capacity, OnFull policy, Clock& clock, Custody& custody);

  PushResult push(std::span<Message> batch) override;
  std::size_t pop(std::span<Message> out, std::optional<TimePoint> deadline,
                  const std::stop_token& stop) override;
  void close() override;
  [[nodiscard]] bool finished() const override { return memory_.finished(); }
  // The time pushers are blocked is that in which there was no room, be it here or on disk.
  [[nodiscard]] ChannelStats stats() const override;

 private:
  SpoolStatus append(std::span<const Message> batch, std::size_t& evicted);

  // Constant after construction.
  const OnFull policy_;
  Custody& custody_;

  MemoryChannel memory_;
  std::atomic<bool> closed_{false};
};

}  // namespace loadgen
