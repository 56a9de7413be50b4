// The tickets one producer has in hand, and the meter that counts the others. It outlives the
// thread: whoever ends the run closes it, be the thread joined, ended by an exception, or stuck
// where nothing reaches it, and every ticket is still counted once. One producer writes; close()
// may come from any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "channel/channel.h"
#include "limiter/token_bucket.h"
#include "model/lost_messages.h"
#include "model/sequence_set.h"
#include "stats/meter.h"

namespace loadgen {

class ProducerAccount {
 public:
  // most_tickets: taken at a time, at least 1. `produced`: every sequence a message was made for;
  // borrowed, must outlive the account.
  ProducerAccount(std::size_t most_tickets, SharedSequenceSet& produced);

  [[nodiscard]] ProducerMeter& meter() { return meter_; }

  // For the producer, until close(): where its tickets lie.
  [[nodiscard]] std::span<Ticket> slots() { return slots_; }

  // Each returns false once the account is closed: the producer then has nothing in hand and must
  // touch nothing that others read.
  // The first `count` slots are in hand. They count as produced: the limiter has scheduled them,
  // and nobody else will make them.
  bool take(std::size_t count);
  // From now on the channel may have some of what is in hand.
  bool begin_push();
  // The channel has answered. What it neither took nor dropped is the rest, which stays in hand.
  bool pushed(const PushResult& result);
  // The channel keeps the rest for a later run, but for what is lost.
  bool kept_all_but(std::span<const LostMessages> lost);

  // What was in hand: the meter counts it as produced, and nothing else.
  struct Closed {
    std::vector<Ticket> unsent;    // not in the channel
    std::vector<Ticket> in_doubt;  // the channel may have taken them
  };
  // Final: the meter stays as it is then. Does not block.
  Closed close();

 private:
  // Constant after construction.
  SharedSequenceSet& produced_;

  ProducerMeter meter_;

  // Written by the producer alone; those from begin_ to end_ are not changed while they are held.
  std::vector<Ticket> slots_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::size_t begin_ = 0;  // what is in hand
  std::size_t end_ = 0;
  bool pushing_ = false;
  bool closed_ = false;
};

}  // namespace loadgen
