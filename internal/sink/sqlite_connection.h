// A connection to a SQLite database that a sink or a target owns: errors are told by class, and
// locks of others are waited for. It and its statements belong to one thread; interrupt() may be
// called from any.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/sqlite.h"
#include "sink/sink.h"

namespace loadgen {

// How long a connection waits for a lock that somebody else holds on the file. SQLite cannot
// notify, so it looks again every few milliseconds.
struct LockPatience {
  Clock& clock;
  std::stop_token stop;  // gives up when requested
  TimePoint deadline{};  // its owner sets it before each piece of work
};

// What to say of a file that has_moved().
std::string file_gone(const std::string& path);

class SqliteConnection {
 public:
  enum class Absent { kCreate, kRefuse };
  // Borrows `patience`, which must outlive it. Throws ConnectError.
  SqliteConnection(const std::string& path, LockPatience& patience,
                   Absent absent = Absent::kCreate);

  // Runs statements without results; throws ConnectError.
  void execute(const std::string& sql);
  // The first column of the first row; "" when there is none. Throws as execute().
  [[nodiscard]] std::string query_value(const std::string& sql) const;
  // Throws as execute().
  [[nodiscard]] SqliteStatement prepare(std::string_view sql) const;
  [[nodiscard]] bool in_transaction() const;
  // Rows the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] int changes() const;
  // The file is no longer what its path names: deleted, renamed or replaced.
  [[nodiscard]] bool has_moved() const;
  // The last call failed because somebody else holds a lock.
  [[nodiscard]] bool is_busy() const;
  // (context, connection, "main", pages in the write-ahead log) after each commit, before it
  // returns, instead of SQLite's own checkpoint. Returns SQLITE_OK.
  using AfterCommit = int (*)(void*, sqlite3*, const char*, int);
  void call_after_commit(AfterCommit call, void* context);
  // Moves what the write-ahead log holds into the database, as far as that makes nobody wait.
  // Returns how many pages of the log are moved then; -1 = it failed.
  static int checkpoint(sqlite3* db) noexcept;
  [[nodiscard]] sqlite3* handle() const { return db_.get(); }
  void interrupt() noexcept;
  // Of the last call that failed.
  [[nodiscard]] WriteError error(int code) const;
  [[noreturn]] void fail(int code) const;  // throws ConnectError

 private:
  SqliteHandle db_;
};

}  // namespace loadgen
