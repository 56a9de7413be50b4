// The body of a consumer thread: messages from the channel become frames, frames are delivered, and
// what became of each message is counted and timed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>

#include "base/clock.h"
#include "channel/channel.h"
#include "consumer/consumer_account.h"
#include "delivery/courier.h"

namespace loadgen {

// When a frame is closed.
struct FrameLimits {
  std::uint32_t batch_size;  // most messages
  nanoseconds linger;        // longest a non-empty batch waits to fill; 0 = not at all
  // Messages that are later than this when their batch is closed are dropped.
  std::optional<nanoseconds> max_lag = std::nullopt;
};

// What all consumers share. Borrowed; must outlive the threads.
struct ConsumerContext {
  Channel& channel;
  Clock& clock;
  FrameLimits limits;
  std::stop_token give_up;                             // no further frame is begun
  std::function<void(const WriteResult&)> on_failure;  // nothing more will be stored; thread-safe
  // These were not stored, and the channel does not surely keep them; thread-safe.
  std::function<void(const LostMessages&)> on_unsent;
  // These are a frame whose commit has no known outcome, and not all of them are surely in the
  // channel; thread-safe.
  std::function<void(std::span<const Message>)> on_doubt;
};

// Runs until the channel is finished, delivery has failed, it is told to give up, or the account is
// closed. Blocks. Allocates while buffers grow to the size of a frame. What it throws (no memory,
// for one) leaves in the account what was in hand.
void consume(const ConsumerContext& context, Courier& courier, ConsumerAccount& account);

}  // namespace loadgen
