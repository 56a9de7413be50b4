// Messages on disk that outlive the process: this run, or a later one with the same directory,
// delivers them. One thread writes for all callers. Requests that arrive during a commit are
// committed together next, so groups grow under load and no request waits for a group to fill. A
// failed write or sync is final, because the disk may have lost what it had already accepted.
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
  kFull,    // no room: nothing was accepted
  kFailed,  // the spool is broken, see problem(): not on disk, except what it may_hold()
};

class Spool {
 public:
  // Most bytes of messages it holds, counting kOverhead for each message.
  static constexpr std::uint64_t kMostBytes = 1ULL << 30U;
  static constexpr std::uint64_t kOverhead = 64;
  [[nodiscard]] static std::uint64_t bytes_of(std::span<const Message> messages);

  // Opens or makes the directory, for its owner only, and keeps other processes out. Throws
  // UsageError when it cannot be used: in use, not a spool, not writable. Borrows the clock.
  Spool(std::string directory, Clock& clock, std::uint64_t most_bytes = kMostBytes);
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool();  // writes pending removals; never throws

  [[nodiscard]] const std::string& directory() const { return directory_.path(); }

  // Blocks until the messages are on disk. With kBlock also waits for room, until stop_waiting().
  enum class WhenFull { kBlock, kRefuse };
  SpoolStatus append(const SpooledRun& run, std::span<const Message> messages, WhenFull when_full);
  // Records that these messages are one frame, tried whole or not at all. Blocks like append().
  SpoolStatus fix(const SpooledRun& run, std::uint64_t frame, std::span<const Message> messages);
  // append() and fix() at once, even without room, for messages that may have been tried as this
  // frame. Messages already in the spool stay as they are; `bytes` is the size of the others.
  SpoolStatus keep(const SpooledRun& run, std::span<const Message> frame, std::uint64_t bytes);
  // Notes that these messages need no further delivery. Returns at once. If the note never reaches
  // the disk, they are delivered again, and the ledger suppresses the duplicates.
  void settle(const SpooledRun& run, std::span<const Message> messages, SpoolEnd end);
  void settle(const SpooledRun& run, SequenceRange range, SpoolEnd end);

  // Blocks until everything settled before is on disk. Fails if the spool is gone.
  SpoolStatus flush();
  SpoolStatus add_run(const SpooledRun& run);
  SpoolStatus forget_run(const SpooledRun& run);

  // Calls read(SpoolStore&) and returns its result. Blocks for the disk; throws SetupError that
  // names the spool. Does not see writes in progress.
  template <typename Read>
  auto read(Read read) {
    const std::lock_guard lock(reader_mutex_);  // one connection, one user
    try {
      return read(*reader_);
    } catch (const SetupError& error) {
      throw SetupError(named(error.what()));
    }
  }

  // From now on append() does not wait for room.
  void stop_waiting();
  // Total time that appends have waited for room.
  [[nodiscard]] nanoseconds blocked() const;
  // Why the spool is broken; empty = it is not.
  [[nodiscard]] std::string problem() const;
  // True if the commit of this message failed, and the message may be on disk all the same.
  [[nodiscard]] bool may_hold(const Message& message) const;

  // Checks whether the directory and the file are still those that were opened. If not, the spool
  // is broken and its messages are no longer safe. Reads the disk.
  bool check_in_place();
  // Whether check_in_place() has found it gone.
  [[nodiscard]] bool is_gone() const;
  // For a spool that is gone: visits the unsettled messages of the run in its open file, as far as
  // they can be read. `tried`: they are one frame, which may be stored.
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

  // What the writer has to do.
  struct Work {
    std::vector<Request*> requests;
    std::vector<Settled> settled;
    std::uint64_t settled_messages = 0;  // in them
    bool closing = false;
  };
  struct Room {
    std::uint64_t bytes = 0;      // of messages that are there, or on their way
    std::uint64_t bytes_max = 0;  // highest so far: SQLite does not shrink the file
    bool disk_has_room = true;
    bool stopped_waiting = false;
    nanoseconds blocked{0};  // how long appends have waited for it
  };
  struct Damage {
    std::string problem;
    bool gone = false;     // somebody has deleted it
    bool broken = false;   // a write failed
    SequenceSet doubtful;  // messages of the only run that appends, which may be there
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
  std::condition_variable asked_;      // the writer: there is something to do
  std::condition_variable committed_;  // callers whose requests may be done
  std::condition_variable freed_;      // callers that wait for room
  // Guarded by mutex_.
  Work work_;
  Room room_;
  Damage damage_;

  std::jthread thread_;
};

}  // namespace loadgen
