// What one consumer has in hand, and the meter that counts what became of it. It outlives the
// thread: whoever ends the run closes it, be the thread joined, ended by an exception, or stuck
// where nothing reaches it, and every message is still counted once. One consumer writes; close()
// may come from any thread. Its lock is taken a few times a frame, and nobody else wants it before
// the end.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "delivery/courier.h"
#include "model/message.h"
#include "model/sequence_set.h"
#include "stats/meter.h"

namespace loadgen {

// What closed a batch.
enum class BatchEnd { kFull, kLinger, kDrain };

class ConsumerAccount {
 public:
  enum class Timing { kOn, kOff };

  // `acknowledged`: every sequence whose commit was confirmed; borrowed, must outlive the account.
  ConsumerAccount(std::size_t batch_size, SharedSequenceSet& acknowledged,
                  Timing timing = Timing::kOn);

  using Messages = std::span<const Message>;

  // Before anything is stored.
  void production_starts(TimePoint when) { start_ = when; }
  [[nodiscard]] ConsumerMeter& meter() { return meter_; }

  // For the consumer, until close(): where its batch lies.
  [[nodiscard]] std::span<Message> slots() { return slots_; }

  // Each returns false once the account is closed: the consumer then has nothing in hand and must
  // touch nothing that others read.
  // The first `count` slots are in hand, and surely not written.
  bool hold(std::size_t count);
  // Drops what is in hand and was due before `oldest`. How many that are: the first slots hold them
  // then, those after them the others, in their order. Nothing = closed.
  std::optional<std::size_t> drop_late(TimePoint oldest);
  // What is in hand is being delivered.
  bool begin_write(TimePoint now);
  // From now on this piece of it may be written, and nothing else.
  bool begin_piece(Messages piece);
  bool stored(Messages messages, TimePoint end, nanoseconds held_back = nanoseconds(0));
  bool dead_lettered(Messages messages);
  // The channel keeps them for a later run.
  bool kept(Messages messages);
  bool left(Messages messages, Fate fate);
  // The frame is over: nothing is in hand any more.
  bool finish(const Delivered& delivered, BatchEnd end, TimePoint now);

  // What was in hand, and is not in the meter.
  struct Closed {
    std::vector<Message> unsent;    // surely not written
    std::vector<Message> in_doubt;  // a piece, whole, that may have been written
  };
  // Final: the meter stays as it is then. Blocks for no more than the consumer needs to record a
  // frame.
  Closed close();

 private:
  bool settle_locked(Messages messages);
  void count(Fate fate, std::size_t messages);

  // Constant after construction.
  SharedSequenceSet& acknowledged_;
  const Timing timing_;
  TimePoint start_;  // of production; constant after that

  ConsumerMeter meter_;

  // Written by the consumer alone; the first held_ are not changed while they are held.
  std::vector<Message> slots_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::size_t held_ = 0;
  bool closed_ = false;
  TimePoint write_began_;
  Messages piece_;                      // of what is in hand: it may be written
  std::vector<SequenceRange> settled_;  // of what is in hand
  std::vector<SequenceRange> ranges_;   // reused
  TimePoint last_commit_;               // of what is in hand
};

}  // namespace loadgen
