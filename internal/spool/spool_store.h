// The spool's file: one SQLite database in WAL mode with the messages that are not yet delivered,
// the frames recorded for them, and a journal of everything ever accepted. Runs, messages and
// frames carry checksums. Not thread-safe: one connection per thread. Every call throws SetupError
// with one line; a file that is not a spool of this version throws UsageError and is left
// unchanged.
//
//   runs      the runs that made the messages, with what determines their texts
//   messages  accepted and not settled: (run, sequence) -> the message
//   frames    messages recorded as one frame before its first write attempt
//   accepted, given_up   the journal: which sequences came in, and which were given up
//   damaged   messages whose checksum was wrong, kept for inspection
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
  WallAnchor anchor{};       // of its messages' times; `steady` is by this process's clock
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
  // Makes sure that the next process finds nothing of a failed commit. False: it may find some.
  [[nodiscard]] bool overwrite_undone() noexcept;

  // Whether it holds no run.
  [[nodiscard]] bool is_empty();
  void add_run(const SpooledRun& run);
  // All runs, oldest first. `now` ties their times to this process's clock.
  [[nodiscard]] std::vector<SpooledRun> runs(const WallAnchor& now);
  // Removes everything about the run.
  void remove_run(std::int64_t run_id);

  // Messages that are there already stay as they are.
  void insert(const SpooledRun& run, std::span<const Message> messages);
  // Records these messages as one frame; replaces a frame of the same id.
  void fix(std::int64_t run_id, std::uint64_t frame, std::span<const Message> messages);
  // Also removes frames whose id is in the range.
  void remove(std::int64_t run_id, SequenceRange range, SpoolEnd end);

  // Moves messages whose run does not exist (their key is damaged) to `damaged`, in a transaction
  // of its own; returns how many.
  std::uint64_t put_away_orphans();

  // Rewrites the journal with merged ranges; each insert adds a range.
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
    bool damaged = false;            // a frame could not be read
  };
  [[nodiscard]] FixedFrames fixed_frames(std::int64_t run_id);

  [[nodiscard]] SequenceSet accepted(std::int64_t run_id);
  [[nodiscard]] SequenceSet given_up(std::int64_t run_id);
  // How many messages of the run are in the file, whole or damaged.
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
