// The channel of --spool: every message is on disk before push returns, and in memory until it is
// popped. A later run delivers messages that were not settled when the process ended. Otherwise
// like the channel in memory, with the same bound and policies; push also blocks for the disk.
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
  // `blocked` is the time in which there was no room, in memory or on disk.
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
