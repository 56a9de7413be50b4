// Messages on disk, so that they outlive the process: what is safe here is delivered by this run or
// by a later one with the same directory. One thread writes for all who ask, and commits together
// what came while it was committing before: no group waits for company, and under load groups grow
// by themselves. A failed write or sync is final: the disk may have lost what it had already taken.
// Thread-safe. One process at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/message.h"
#include "spool/spool_directory.h"
#include "spool/spool_store.h"

namespace loadgen {

enum class SpoolStatus {
  kSafe,    // on disk, synced
  kFull,    // no room: nothing of it was taken
  kFailed,  // the spool is broken, see problem(): not on disk, but for what it may_hold()
};

class Spool {
 public:
  // Most bytes of messages that wait in it, as counted with kOverhead for each.
  static constexpr std::uint64_t kMostBytes = 1ULL << 30U;
  static constexpr std::uint64_t kOverhead = 64;
  [[nodiscard]] static std::uint64_t bytes_of(std::span<const Message> messages);

  // Opens or makes the directory, for its owner only, and keeps other processes out. Throws
  // UsageError when it cannot be used: in use, not a spool, not writable. Borrows the clock.
  Spool(std::string directory, Clock& clock, std::uint64_t most_bytes = kMostBytes);
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool();  // writes what was settled; never throws

  [[nodiscard]] const std::string& directory() const { return directory_.path(); }

  // Blocks until the messages are on disk. With kBlock waits for room, too, until stop_waiting().
  enum class WhenFull { kBlock, kRefuse };
  SpoolStatus append(const SpooledRun& run, std::span<const Message> messages, WhenFull when_full);
  // From now on these messages are one frame, tried as a whole or not at all. Blocks as append().
  SpoolStatus fix(const SpooledRun& run, std::uint64_t frame, std::span<const Message> messages);
  // Both at once, room or not: for messages that may have been tried as this frame. Those that are
  // there already are passed over; `bytes` is what the others count.
  SpoolStatus keep(const SpooledRun& run, std::span<const Message> frame, std::uint64_t bytes);
  // These messages need no further delivery. Returns at once: should it never reach the disk, they
  // are delivered again, and the ledger knows them.
  void settle(const SpooledRun& run, std::span<const Message> messages, SpoolEnd end);
  void settle(const SpooledRun& run, SequenceRange range, SpoolEnd end);

  // Blocks until all that was settled before is on disk. Fails if the spool is gone.
  SpoolStatus flush();
  SpoolStatus add_run(const SpooledRun& run);
  SpoolStatus forget_run(const SpooledRun& run);

  // Reads; each blocks for the disk and throws SetupError that names the spool. What is being
  // written now is not seen.
  template <typename Read>
  auto read(Read read) {
    const std::lock_guard lock(reader_mutex_);  // one connection, one user
    try {
      return read(*reader_);
    } catch (const SetupError& error) {
      throw SetupError(named(error.what()));
    }
  }

  // No append() waits for room from now on.
  void stop_waiting();
  // How long appends have waited for room, in all.
  [[nodiscard]] nanoseconds blocked() const;
  // Why it is broken; empty = it is not.
  [[nodiscard]] std::string problem() const;
  // It broke at the commit of this message, and may have it all the same.
  [[nodiscard]] bool may_hold(const Message& message) const;

  // Looks whether the directory and the file are still those that were opened. If not, the spool is
  // broken from now on, and what it holds is safe no longer. Asks the disk.
  bool check_in_place();
  // It was not in place when somebody looked.
  [[nodiscard]] bool is_gone() const;
  // A spool that is gone: visits what its open file, which nobody else finds, holds of the run and
  // is not settled, as far as it can be read. `tried`: these are a frame, which may be stored.
  void salvage(const SpooledRun& run,
               const std::function<void(std::span<const Message>, bool tried)>& visit);

 private:
  enum class Task { kAppend, kFix, kKeep, kFlush, kAddRun, kForgetRun };
  struct Request {
    Task task;
    const SpooledRun* run = nullptr;
    std::span<const Message> messages{};
    std::uint64_t frame = 0;
    SpoolStatus status = SpoolStatus::kSafe;
    bool finished = false;
  };
  struct Settled {
    std::int64_t run_id;
    SequenceRange range;
    SpoolEnd end;
  };

  void write_groups();
  SpoolStatus write_group(std::span<Request* const> group, std::span<const Settled> settled);
  void note_doubt_locked(std::span<Request* const> group);
  void carry_out(const Request& request);
  [[nodiscard]] std::string named(std::string_view what) const;
  bool wait_for_room(std::uint64_t bytes, WhenFull when_full);
  SpoolStatus submit(Request request);
  [[nodiscard]] bool has_room_locked(std::uint64_t bytes) const;
  [[nodiscard]] bool disk_has_room() const;

  // Constant after construction.
  SpoolDirectory directory_;
  const std::uint64_t most_bytes_;
  Clock& clock_;

  std::unique_ptr<SpoolStore> writer_;  // of the thread that writes
  std::uint64_t journal_rows_ = 0;
  std::mutex reader_mutex_;
  std::unique_ptr<SpoolStore> reader_;  // guarded by reader_mutex_

  mutable std::mutex mutex_;
  std::condition_variable work_;       // the writer: there is something to do
  std::condition_variable committed_;  // those who asked
  std::condition_variable room_;       // those who wait for room
  // Guarded by mutex_.
  std::vector<Request*> requests_;
  std::vector<Settled> settled_;
  std::uint64_t settled_messages_ = 0;  // in them
  std::uint64_t bytes_ = 0;
  std::uint64_t bytes_max_ = 0;  // so many had room in the file before: SQLite gives none back
  nanoseconds blocked_{0};
  bool disk_has_room_ = true;
  bool stopped_waiting_ = false;
  bool closing_ = false;
  std::string problem_;
  bool gone_ = false;
  bool broken_ = false;   // a write failed
  SequenceSet doubtful_;  // of the only run that appends

  std::jthread thread_;
};

}  // namespace loadgen
