// Which messages of a run are in the spool, and what becomes of them: who makes, carries or writes
// messages asks and tells it here, and a message itself knows nothing of it. Without a spool
// nothing is kept. Thread-safe. Memory grows with the holes among the sequences that are kept.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/lost_messages.h"
#include "model/sequence_set.h"
#include "spool/spool.h"

namespace loadgen {

class Custody {
 public:
  // Borrows the spool; nullptr = there is none.
  Custody(Spool* spool, SpooledRun run) : spool_(spool), run_(std::move(run)) {}

  [[nodiscard]] Spool* spool() const { return spool_; }
  [[nodiscard]] const SpooledRun& run() const { return run_; }

  // For channels that stand on a spool. All or nothing; blocks as Spool::append().
  SpoolStatus append(std::span<const Message> batch, Spool::WhenFull when_full);
  // What is waiting there can no longer be read.
  void note_problem(std::string problem);

  // These messages are one frame from now on: call it before the frame is tried, and for each piece
  // of a frame that is split. A frame with one message in the spool is put there whole, or a later
  // run could not tell its others from messages that were never tried. Blocks for the disk. False =
  // the spool is broken: do not try it.
  [[nodiscard]] bool fix(std::span<const Message> frame);
  // They are stored, in a dead letter or dropped: they need not be delivered again. Returns at
  // once.
  void settle(std::span<const Message> messages, Fate fate);
  // Whoever holds these messages, a frame that may have been tried or not, cannot deliver them any
  // more. Those that are in the spool, or can be put there now, are delivered by a later run;
  // returns the others. Blocks for the disk.
  [[nodiscard]] std::vector<LostMessages> keep(std::span<const Message> frame);
  // Those of them that are not in the spool. Does not touch it.
  [[nodiscard]] std::vector<LostMessages> not_kept(std::span<const Message> messages) const;

  // Messages that are in the spool and not settled.
  [[nodiscard]] std::uint64_t kept() const;
  // Why it is broken; empty = it is not.
  [[nodiscard]] std::string problem() const;

 private:
  void add(std::span<const Message> messages);

  // Constant after construction.
  Spool* const spool_;
  const SpooledRun run_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  SequenceSet kept_;
  std::string problem_;  // of reading
};

}  // namespace loadgen
