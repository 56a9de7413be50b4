// The tickets one producer has in hand, and the meter that counts all others. The account outlives
// the producer's thread and is closed at the end of the run. So every ticket is counted once, even
// if the thread ended by an exception or is stuck. One producer writes; close() may be called from
// any thread.
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
  // most_tickets: the most taken at a time, at least 1. `produced`: the sequences of all messages
  // made; borrowed, must outlive the account.
  ProducerAccount(std::size_t most_tickets, SharedSequenceSet& produced);

  [[nodiscard]] ProducerMeter& meter() { return meter_; }

  // Where the producer keeps its tickets. For the producer only, until close().
  [[nodiscard]] std::span<Ticket> slots() { return slots_; }

  // Each returns false once the account is closed: the producer then has nothing in hand and must
  // touch nothing that others read.
  // The first `count` slots are in hand. They count as produced: the limiter has scheduled them,
  // and no other producer will make them.
  bool take(std::size_t count);
  // From now on the channel may have some of the tickets in hand.
  bool begin_push();
  // The channel has answered. Messages it neither accepted nor dropped stay in hand.
  bool pushed(const PushResult& result);
  // The spool keeps what is in hand for a later run, except for what is lost.
  bool kept_all_but(std::span<const LostMessages> lost);

  // What was in hand. The meter counts it as produced only.
  struct Closed {
    std::vector<Ticket> unsent;    // not in the channel
    std::vector<Ticket> in_doubt;  // the channel may have taken them
  };
  // Final: the meter does not change afterwards. Does not block.
  Closed close();

 private:
  // Constant after construction.
  SharedSequenceSet& produced_;

  ProducerMeter meter_;

  // Written only by the producer; tickets in hand, from begin_ to end_, do not change.
  std::vector<Ticket> slots_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::size_t begin_ = 0;  // what is in hand
  std::size_t end_ = 0;
  bool pushing_ = false;
  bool closed_ = false;
};

}  // namespace loadgen
