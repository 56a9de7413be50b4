// The body of a producer thread: tickets become messages, messages go into the channel.
#pragma once

#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "channel/channel.h"
#include "limiter/token_bucket.h"
#include "model/generator.h"
#include "model/sequence_set.h"
#include "stats/live_counters.h"

namespace loadgen {

// What all producers share. Borrowed; must outlive the threads.
struct ProducerContext {
  TokenBucket& tickets;
  Channel& channel;
  const Generator& generator;
  Clock& clock;
  SharedSequenceSet& produced;  // every sequence a message was made for
  LiveCounters& live;
  std::size_t most_tickets;  // taken at a time: what waits in a producer's hand, not in the channel
  // The channel is full under --on-full=abort, or broken; thread-safe.
  std::function<void(PushStatus)> on_refused;
  // The channel neither took these nor keeps them; thread-safe.
  std::function<void(std::span<const Message>)> on_unsent;
};

// How many tickets each of the producers takes at a time, 1 or more.
std::size_t tickets_at_a_time(std::uint64_t queue_capacity, std::uint32_t producers);

struct ProducerTotals {
  std::uint64_t produced = 0;
  std::uint64_t dropped = 0;
  std::uint64_t unsent = 0;    // made, but the channel no longer took them
  std::uint64_t in_doubt = 0;  // the channel's disk failed while it took them

  ProducerTotals& operator+=(const ProducerTotals& other);
};

// Runs until the bucket has no more tickets or the channel is closed. Blocks; allocates only at the
// beginning.
ProducerTotals produce(const ProducerContext& context, std::uint32_t producer);

}  // namespace loadgen
