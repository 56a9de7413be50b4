// The body of a producer thread: tickets become messages, messages go into the channel.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "channel/channel.h"
#include "delivery/unsent_box.h"
#include "limiter/token_bucket.h"
#include "model/generator.h"
#include "producer/producer_account.h"
#include "spool/custody.h"

namespace loadgen {

// What all producers of a lane work with. Borrowed; must outlive the threads.
struct ProducerTools {
  TokenBucket& tickets;
  Channel& channel;
  Custody& custody;
  const Generator& generator;
  Clock& clock;
  UnsentBox& unsent;
};

// How many tickets each of the producers takes at a time, 1 or more: what waits in a producer's
// hand and not in the channel.
std::size_t tickets_at_a_time(std::uint64_t queue_capacity, std::uint32_t producers);

// Runs until the bucket has no more tickets, the channel takes no more messages, it is told to
// retire, or the account is closed. Returns how the channel answered last: kFull and kBroken have
// ended it before its time. Blocks; allocates only at the beginning and while text buffers grow.
// What it throws (no memory, for one) leaves in the account what was in hand.
PushStatus produce(const ProducerTools& tools, std::uint32_t producer, ProducerAccount& account,
                   const std::stop_token& retire);

// The messages of these tickets once more, when the thread that had made them is gone.
std::vector<Message> make_again(const Generator& generator, std::span<const Ticket> tickets,
                                std::uint32_t producer, TimePoint created);

}  // namespace loadgen
