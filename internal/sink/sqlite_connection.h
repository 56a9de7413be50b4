// A connection to a SQLite database, owned by a sink or a target. It classifies errors and waits
// for locks of other processes. The connection and its statements belong to one thread; interrupt()
// may be called from any.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/sqlite.h"
#include "sink/sink.h"

namespace loadgen {

// How long a connection waits for another process's lock on the file. SQLite cannot notify, so the
// connection polls every few milliseconds.
struct LockPatience {
  Clock& clock;
  std::stop_token stop;  // gives up when requested
  TimePoint deadline{};  // set by the owner before each piece of work
};

// The error text for a file that has_moved().
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
  // Whether the last call failed because another process holds a lock.
  [[nodiscard]] bool is_busy() const;
  // Called after each commit, before it returns, instead of SQLite's own checkpoint, with (context,
  // connection, "main", pages in the write-ahead log). Must return SQLITE_OK.
  using AfterCommit = int (*)(void*, sqlite3*, const char*, int);
  void call_after_commit(AfterCommit call, void* context);
  // Moves pages of the write-ahead log into the database, as far as no other thread has to wait.
  // Returns how many pages of the log have been moved; -1 = it failed.
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
