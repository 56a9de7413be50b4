// The interface to databases. A Target is one database as a run sees it; a Sink is one connection
// that writes frames into it. A target that keeps its rows also has a run log and a row reader.
// internal/README.md says how to add a database.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/message.h"
#include "options/choices.h"
#include "sink/error_class.h"
#include "sink/row_reader.h"
#include "sink/run_log.h"

namespace loadgen {

// The outcome of writing a frame.
enum class WriteOutcome {
  kWritten,         // the database confirmed the commit
  kAlreadyWritten,  // the ledger holds the frame: an attempt before this one was committed
  kNotWritten,      // surely nothing of it is stored
  kInDoubt,         // the connection or the disk failed while the commit was under way
};

// The database's error. Holds neither row data nor secrets.
struct WriteError {
  std::string code{};     // SQLSTATE or SQLite's name of the code
  std::string message{};  // one line
  ErrorClass error_class = ErrorClass::kUnknown;
  std::string constraint{};          // the one violated, if the database named it
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
  // Whether the sink can write another frame after this result. Otherwise it must not be used
  // again.
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
  // at a time. Blocks until the database has answered or interrupt() was called. With a ledger, a
  // frame that is written again, by this sink or another, is stored once.
  virtual WriteResult write(const Frame& frame) noexcept = 0;

  // Makes a write in progress return soon, and every later write fail. From any thread. A write
  // that had nearly finished may still succeed.
  virtual void interrupt() noexcept = 0;
};

// What is written with each row, besides the message itself.
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
  // What open() changed that the user must know: finished lines.
  std::vector<std::string> notes{};
};

// A failed connection; the error's class says whether to try again.
class ConnectError : public SetupError {
 public:
  ConnectError(const std::string& message, WriteError error)
      : SetupError(message), error_(std::move(error)) {}
  [[nodiscard]] const WriteError& error() const { return error_; }

 private:
  WriteError error_;
};

// Not thread-safe, except connect() and interrupt(). Its run log and row reader are not thread-safe
// either; each sink may be used by a thread of its own. The target must outlive all of them. Every
// call that talks to the database throws SetupError with one line that holds no secret.
class Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;

  // Connects, checks that existing tables fit and creates missing ones. Changes nothing if a table
  // does not fit. Call it before the rest. It may be called again after a ConnectError of class
  // outage or contention, because the database may come up or be unlocked later.
  virtual void open() = 0;
  [[nodiscard]] virtual TargetInfo info() const = 0;
  // The files of the database, if it consists of files: nothing else may be written there.
  [[nodiscard]] virtual std::vector<std::string> files() const { return {}; }
  // Identifies the database, however it is addressed and whatever its driver takes from the
  // environment; without a secret. "" = the address alone identifies it.
  [[nodiscard]] virtual std::string place() const { return ""; }
  // Makes a connection for one consumer. From any thread once the target is open. Fails soon when a
  // stop is requested. Throws ConnectError.
  virtual std::unique_ptr<Sink> connect(const RunIdentity& run, const std::stop_token& stop) = 0;

  // Owned by the target. Null if it keeps no runs, or no rows.
  [[nodiscard]] virtual RunLog* run_log() { return nullptr; }
  [[nodiscard]] virtual RowReader* rows() { return nullptr; }

  // Throws when the stored rows are no longer where the address says. Needs open().
  virtual void check_is_in_place() const {}

  // Makes a call in progress and every later one fail soon. Does not interrupt sinks.
  virtual void interrupt() noexcept = 0;
};

}  // namespace loadgen
