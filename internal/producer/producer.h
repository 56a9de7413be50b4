// The body of a producer thread: tickets become messages, messages go into the channel.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/clock.h"
#include "channel/channel.h"
#include "limiter/token_bucket.h"
#include "model/generator.h"
#include "producer/producer_account.h"

namespace loadgen {

// What all producers share. Borrowed; must outlive the threads.
struct ProducerContext {
  TokenBucket& tickets;
  Channel& channel;
  const Generator& generator;
  Clock& clock;
  // The channel is full under --on-full=abort, or broken; thread-safe.
  std::function<void(PushStatus)> on_refused;
  // The channel neither took these nor surely keeps them; thread-safe.
  std::function<void(const LostMessages&)> on_unsent;
};

// How many tickets each of the producers takes at a time, 1 or more: what waits in a producer's
// hand and not in the channel.
std::size_t tickets_at_a_time(std::uint64_t queue_capacity, std::uint32_t producers);

// Runs until the bucket has no more tickets, the channel is closed or the account is. Blocks;
// allocates only at the beginning and while text buffers grow. What it throws (no memory, for one)
// leaves in the account what was in hand.
void produce(const ProducerContext& context, std::uint32_t producer, ProducerAccount& account);

}  // namespace loadgen
