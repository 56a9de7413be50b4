// The messages one consumer has in hand, and the meter that counts all others. The account outlives
// the consumer's thread and is closed at the end of the run. So every message is counted once, even
// if the thread ended by an exception or is stuck. One consumer writes; close() may be called from
// any thread. The lock is taken a few times per frame, without contention before the end.
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

  // `acknowledged`: the sequences of all confirmed commits; borrowed, must outlive the account.
  ConsumerAccount(std::size_t batch_size, SharedSequenceSet& acknowledged,
                  Timing timing = Timing::kOn);

  using Messages = std::span<const Message>;

  // Call it before anything is stored.
  void production_starts(TimePoint when) { start_ = when; }
  [[nodiscard]] ConsumerMeter& meter() { return meter_; }

  // Where the consumer keeps its batch. For the consumer only, until close().
  [[nodiscard]] std::span<Message> slots() { return slots_; }

  // Each returns false once the account is closed: the consumer then has nothing in hand and must
  // touch nothing that others read.
  // The first `count` slots are in hand, and surely not written.
  bool hold(std::size_t count);
  // Drops messages in hand that were due before `oldest`, and returns how many. The first slots
  // then hold the dropped messages, the slots after them the others, in order. nullopt = closed.
  std::optional<std::size_t> drop_late(TimePoint oldest);
  // Delivery of the messages in hand begins.
  bool begin_write(TimePoint now);
  // From now on this piece of the messages in hand may be written, and nothing else.
  bool begin_piece(Messages piece);
  bool stored(Messages messages, TimePoint end, nanoseconds held_back = nanoseconds(0));
  bool dead_lettered(Messages messages);
  // The spool keeps these messages for a later run.
  bool kept(Messages messages);
  // Delivery has given these messages up: unsent or in doubt.
  bool unstored(Messages messages, Fate fate);
  // The frame is done: nothing is in hand any more.
  bool finish(const Delivered& delivered, BatchEnd end, TimePoint now);

  // What was in hand. The meter does not count it.
  struct Closed {
    std::vector<Message> unsent;    // surely not written
    std::vector<Message> in_doubt;  // a piece, whole, that may have been written
  };
  // Final: the meter does not change afterwards. Blocks only while the consumer records a frame.
  Closed close();

 private:
  bool note_end_locked(Messages messages);
  void count(Fate fate, std::size_t messages);

  // Constant after construction.
  SharedSequenceSet& acknowledged_;
  const Timing timing_;
  TimePoint start_;  // of production; constant after that

  ConsumerMeter meter_;

  // Written only by the consumer; the first held_ messages, those in hand, do not change.
  std::vector<Message> slots_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::size_t held_ = 0;
  bool closed_ = false;
  TimePoint write_began_;
  Messages piece_;                     // of the messages in hand: it may be written
  std::vector<SequenceRange> ended_;   // messages in hand that have a fate already
  std::vector<SequenceRange> ranges_;  // reused
  TimePoint last_commit_;              // of the frame in hand
};

}  // namespace loadgen
