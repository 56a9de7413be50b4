// What one producer has done, and the tickets it has in hand. It outlives the thread: whoever ends
// the run closes it, be the thread joined, ended by an exception, or stuck where nothing reaches
// it, and every ticket is still counted once. One producer writes; close() may come from any
// thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "channel/channel.h"
#include "limiter/token_bucket.h"
#include "model/sequence_set.h"

namespace loadgen {

struct ProducerTotals {
  std::uint64_t produced = 0;
  std::uint64_t dropped = 0;
  std::uint64_t unsent = 0;    // made, but the channel no longer took them
  std::uint64_t in_doubt = 0;  // the channel may have them: its disk failed while it took them

  ProducerTotals& operator+=(const ProducerTotals& other);
};

class ProducerAccount {
 public:
  // most_tickets: taken at a time, at least 1. `produced`: every sequence a message was made for;
  // borrowed, must outlive the account.
  ProducerAccount(std::size_t most_tickets, SharedSequenceSet& produced);

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

  struct Closed {
    ProducerTotals totals;         // without what was in hand, but for having produced it
    std::vector<Ticket> unsent;    // was in hand, and not in the channel
    std::vector<Ticket> in_doubt;  // was in hand while the channel may have taken it
  };
  // Final. Does not block.
  Closed close();

 private:
  // Constant after construction.
  SharedSequenceSet& produced_;

  // Written by the producer alone; those from begin_ to end_ are not changed while they are held.
  std::vector<Ticket> slots_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::size_t begin_ = 0;  // what is in hand
  std::size_t end_ = 0;
  bool pushing_ = false;
  bool closed_ = false;
  ProducerTotals totals_;
};

}  // namespace loadgen
