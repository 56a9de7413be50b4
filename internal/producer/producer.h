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

// What all producers of a lane use. Borrowed; must outlive the threads.
struct ProducerTools {
  TokenBucket& tickets;
  Channel& channel;
  Custody& custody;
  const Generator& generator;
  Clock& clock;
  UnsentBox& unsent;
};

// How many tickets each producer takes at a time, at least 1: messages that wait in a producer's
// hand and not in the channel.
std::size_t tickets_at_a_time(std::uint64_t queue_capacity, std::uint32_t producers);

// Runs until the bucket has no more tickets, the channel accepts no more messages, `retire` is
// requested, or the account is closed. Returns the last answer of the channel; kFull and kBroken
// mean that it ended early. Blocks; allocates only at the beginning and while text buffers grow.
// May throw, for example without memory; the account then still has what was in hand.
PushStatus produce(const ProducerTools& tools, std::uint32_t producer, ProducerAccount& account,
                   const std::stop_token& retire);

// Makes the messages of these tickets again, when the thread that made them is gone.
std::vector<Message> make_again(const Generator& generator, std::span<const Ticket> tickets,
                                std::uint32_t producer, TimePoint created);

}  // namespace loadgen
