// The seam to databases. A Target is one database as a run sees it; a Sink is one connection that
// writes frames into it. To add a database, implement both, name it in make_target.cpp and in the
// conformance test.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/message.h"
#include "options/choices.h"
#include "sink/error_class.h"

namespace loadgen {

// What became of a frame.
enum class WriteOutcome {
  kWritten,         // the database confirmed the commit
  kAlreadyWritten,  // the ledger holds the frame: an attempt before this one was committed
  kNotWritten,      // surely nothing of it is stored
  kInDoubt,         // the connection or the disk failed while the commit was under way
};

// What the database said. Never row data, never a secret.
struct WriteError {
  std::string code{};     // SQLSTATE or SQLite's name of the code
  std::string message{};  // one line
  ErrorClass error_class = ErrorClass::kUnknown;
  std::string constraint{};          // that was violated, if the database named one
  std::optional<std::size_t> row{};  // of the frame, from 0, that the database named
};

struct [[nodiscard]] WriteResult {
  WriteOutcome outcome = WriteOutcome::kWritten;
  WriteError error{};  // empty when written
  // When the commit was confirmed, where the sink returns later than that.
  std::optional<TimePoint> confirmed{};

  [[nodiscard]] bool stored() const {
    return outcome == WriteOutcome::kWritten || outcome == WriteOutcome::kAlreadyWritten;
  }
  // Whether the sink can take another frame after this. Otherwise it must not be used again.
  [[nodiscard]] bool sink_is_usable() const {
    return stored() ||
           (outcome == WriteOutcome::kNotWritten && (error.error_class == ErrorClass::kContention ||
                                                     error.error_class == ErrorClass::kPoison));
  }
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  // Stores the whole frame in one transaction, or nothing of it; never throws. Called by one thread
  // at a time. Blocks until the database has answered or interrupt() was called. With a ledger a
  // frame may be written again, by this sink or another, and is stored once.
  virtual WriteResult write(const Frame& frame) noexcept = 0;

  // Makes a write in progress return soon, and every later one without success. From any thread. A
  // write that had nearly finished may still succeed.
  virtual void interrupt() noexcept = 0;
};

// What is written with each row, beside the message itself.
struct RunIdentity {
  std::int64_t run_id = 0;
  WallAnchor anchor;  // turns a message's `created` into created_at
};

struct TargetInfo {
  std::string kind{};                         // "sqlite", "postgres", "null"
  std::string version{};                      // of the database
  InsertMethod insert = InsertMethod::kAuto;  // the method in force
  // The settings in force that decide whether a commit survives a power cut.
  std::vector<std::pair<std::string, std::string>> durability{};
  // What open() changed that a user has to know of: finished lines.
  std::vector<std::string> notes{};
};

// A row of loadgen_runs.
struct RunRecord {
  std::int64_t run_id = 0;
  std::string app_version;
  WallTime started_at;
  std::string config_json;
};

// What the database remembers of a run.
struct RecordedRun {
  std::int64_t run_id = 0;
  std::string table;
  std::string config_json;
  std::string result_json;        // empty: it never ended, or could not be recorded
  std::uint64_t ledger_rows = 0;  // in frames whose commit the ledger shows
  std::uint64_t ledger_frames = 0;
};

// A stored row, as the audit needs it. `text` is empty when only sequences were asked for, and
// valid only during the call.
struct StoredRow {
  std::int64_t sequence = 0;
  std::int64_t producer = 0;
  std::string_view text;
};
enum class RowContent { kSequences, kTexts };
// Return false to stop reading.
using RowVisitor = std::function<bool(const StoredRow&)>;

// A connection that was not made, and what that means for trying again.
class ConnectError : public SetupError {
 public:
  ConnectError(const std::string& message, WriteError error)
      : SetupError(message), error_(std::move(error)) {}
  [[nodiscard]] const WriteError& error() const { return error_; }

 private:
  WriteError error_;
};

// Not thread-safe, but for connect() and interrupt(), and the sinks it made, which it must outlive.
// Everything that talks to the database throws SetupError with one line that holds no secret.
class Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;

  // Connects, creates what tables are absent and checks that those present fit. Changes nothing
  // when they do not. Call it before the rest, and again after a ConnectError of class outage or
  // contention: the database may be up, or no longer locked, later.
  virtual void open() = 0;
  [[nodiscard]] virtual TargetInfo info() const = 0;
  // The files the database is, where it is files: nothing else may be written there.
  [[nodiscard]] virtual std::vector<std::string> files() const { return {}; }
  // Which database it is, however it is addressed and whatever its driver takes from the
  // environment; without a secret. "" = the address alone tells.
  [[nodiscard]] virtual std::string place() const { return ""; }
  // A connection for one consumer. From any thread once the target is open. Fails soon when a stop
  // is requested. Throws ConnectError.
  virtual std::unique_ptr<Sink> connect(const RunIdentity& run, const std::stop_token& stop) = 0;

  // May be called again after a ConnectError, as open().
  virtual void record_start(const RunRecord& record) = 0;
  virtual void record_end(std::int64_t run_id, WallTime ended_at,
                          const std::string& result_json) = 0;

  // The run with this id, or the latest; nullopt = there is none. Needs no open(); creates nothing.
  virtual std::optional<RecordedRun> find_run(std::optional<std::int64_t> run_id) = 0;

  // False when rows cannot be read back because none are kept.
  [[nodiscard]] virtual bool can_read_back() const = 0;
  // Visits each stored row of the run, in no promised order. Of a run that record_start() or
  // find_run() was last called for it may search only what came into the table after its start.
  // Needs open() or find_run().
  virtual void read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) = 0;
  // From now on read_back() searches the whole table. Returns false when it did so before.
  virtual bool search_whole_table() { return false; }

  // After read_back(): the database may keep rows of the table from us, by a policy.
  [[nodiscard]] virtual bool hides_rows() const { return false; }

  // Throws when what was stored can no longer be found where the address says. Needs open().
  virtual void check_is_in_place() const {}

  // Makes a call in progress, and every later one, fail soon. Sinks are interrupted on their own.
  virtual void interrupt() noexcept = 0;
};

}  // namespace loadgen
