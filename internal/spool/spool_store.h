// The spool's file: one SQLite database in WAL mode that holds messages which are not yet
// delivered, the frames some of them are fixed in, and a journal of what was ever accepted. Runs,
// messages and frames carry checksums. Not thread-safe: one connection for each thread. Everything
// throws SetupError with one line; a file that is not a spool of this version throws UsageError and
// is left as it is.
//
//   runs      whose messages these are, and how to tell what their texts must be
//   messages  accepted and not settled: (run, sequence) -> the message
//   frames    messages that were fixed as one frame, from before its first write attempt on
//   accepted, given_up   the journal: which sequences came in, and which left without being stored
//   damaged   messages whose checksum was wrong, kept for whoever wants to look at them
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/sqlite.h"
#include "model/fate.h"
#include "model/message.h"
#include "model/sequence_set.h"

namespace loadgen {

// What a later process must know of a run to deliver its messages and to audit it.
struct SpooledRun {
  std::int64_t run_id = 0;
  std::string target{};  // where its messages belong, without a secret
  std::uint64_t seed = 0;
  std::uint32_t message_size = 0;
  bool exactly_once = true;  // frames were written through the ledger
  bool all_spooled = true;   // every message it sent went through the spool first
  WallAnchor anchor{};  // of its messages' times; `steady` is this process's, wherever it was made
};

// How a message left the spool.
enum class SpoolEnd {
  kStored,   // the target has it
  kGivenUp,  // dropped, or kept in a dead letter
  kDamaged,  // moved to the damaged
};

inline SpoolEnd spool_end(Fate fate) {
  return fate == Fate::kStored ? SpoolEnd::kStored : SpoolEnd::kGivenUp;
}

class SpoolStore {
 public:
  // Opens the file, creating it if there is none, for its owner only.
  explicit SpoolStore(const std::string& path);

  void begin();
  void commit();
  void rollback() noexcept;
  // Makes sure that a commit which failed leaves nothing for the next process to find. False: it
  // may have.
  [[nodiscard]] bool overwrite_undone() noexcept;

  // It holds no run.
  [[nodiscard]] bool is_empty();
  void add_run(const SpooledRun& run);
  // Of all runs, oldest first. `now` ties their times to this process's clock.
  [[nodiscard]] std::vector<SpooledRun> runs(const WallAnchor& now);
  // All that is known of the run.
  void remove_run(std::int64_t run_id);

  // What is there already stays as it is.
  void insert(const SpooledRun& run, std::span<const Message> messages);
  // From now on these are one frame; it replaces a frame of the same id.
  void fix(std::int64_t run_id, std::uint64_t frame, std::span<const Message> messages);
  // Frames known by one of the sequences go, too.
  void remove(std::int64_t run_id, SequenceRange range, SpoolEnd end);

  // Messages of no run there is: damage to their key. Moves them to the damaged, in a transaction
  // of its own; returns how many.
  std::uint64_t put_away_orphans();

  // The journal grows by a range with each insert; this writes it anew, merged.
  void compact_journal(std::int64_t run_id);

  struct Batch {
    std::vector<Message> messages;       // ascending
    std::vector<std::uint64_t> damaged;  // sequences, as they are now
  };
  // At most `limit` rows of the range.
  [[nodiscard]] Batch read(const SpooledRun& run, SequenceRange range, std::size_t limit);

  struct FixedFrame {
    std::uint64_t id = 0;
    std::vector<SequenceRange> members;  // in the frame's order
  };
  struct FixedFrames {
    std::vector<FixedFrame> frames;  // in the order they were fixed
    bool damaged = false;            // there was one that cannot be read
  };
  [[nodiscard]] FixedFrames fixed_frames(std::int64_t run_id);

  [[nodiscard]] SequenceSet accepted(std::int64_t run_id);
  [[nodiscard]] SequenceSet given_up(std::int64_t run_id);
  // Messages of the run in the file, by their key: whole or damaged.
  [[nodiscard]] std::uint64_t count(std::int64_t run_id);

 private:
  void check_format();
  void use_wal();
  void execute(const char* sql);
  void run(SqliteStatement& statement);
  [[noreturn]] void fail() const;
  SequenceSet read_journal(const char* sql, std::int64_t run_id);

  SqliteHandle db_;
  // Prepared once; empty until the format is known to be ours.
  struct Statements {
    SqliteStatement insert, accept, give_up, fix, remove, remove_frames, keep_damaged;
  };
  std::optional<Statements> statements_;
};

}  // namespace loadgen
