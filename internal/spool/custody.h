// Knows which messages of a run are in the spool. Producers, channels and consumers ask it and
// report to it; a message itself does not know. Without a spool nothing is kept. Thread-safe.
// Memory grows with the number of gaps in the kept sequences.
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

  // For channels that use a spool. All or nothing; blocks like Spool::append().
  SpoolStatus append(std::span<const Message> batch, Spool::WhenFull when_full);
  // Notes that messages waiting in the spool can no longer be read.
  void note_problem(std::string problem);

  // Records that these messages are one frame. Call it before the frame is first tried, and for
  // each piece of a frame that is split. If one message of the frame is in the spool, the others
  // are put there too; otherwise a later run could not tell them from messages that were never
  // tried. Blocks for the disk. False = the spool is broken: do not try the frame.
  [[nodiscard]] bool fix(std::span<const Message> frame);
  // Notes that these messages need no further delivery: they are stored, in a dead letter or
  // dropped. Returns at once.
  void settle(std::span<const Message> messages, Fate fate);
  // Call it when the holder of a frame, tried or not, cannot deliver it any more. A later run
  // delivers the messages that are in the spool or can be put there now; returns the others. Blocks
  // for the disk.
  [[nodiscard]] std::vector<LostMessages> keep(std::span<const Message> frame);
  // Returns the messages that are not in the spool. Does not use the spool.
  [[nodiscard]] std::vector<LostMessages> not_kept(std::span<const Message> messages) const;

  // How many messages are in the spool and not settled.
  [[nodiscard]] std::uint64_t kept() const;
  // Why the spool is broken; empty = it is not.
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
