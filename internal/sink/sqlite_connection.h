// SQLite's C API as values that clean up after themselves. A connection and its statements belong
// to one thread; interrupt() may be called from any.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "sink/sink.h"

struct sqlite3;
struct sqlite3_stmt;

namespace loadgen {

// How long a connection waits for a lock that somebody else holds on the file. SQLite cannot
// notify, so it looks again every few milliseconds.
struct LockPatience {
  Clock& clock;
  std::stop_token stop;  // gives up when requested
  TimePoint deadline{};  // its owner sets it before each piece of work
};

class SqliteStatement {
 public:
  SqliteStatement(sqlite3* db, std::string_view sql);  // throws SetupError

  // Parameters count from 1. Text is borrowed until the next run() or reset().
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, std::string_view text);
  // True: there is a row to read. False: done, or failed with `code` other than 0.
  bool step(int& code);
  // Runs to the end and makes the statement ready again; returns SQLite's extended result code.
  int run();
  void reset();
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteConnection {
 public:
  enum class Absent { kCreate, kRefuse };
  // Borrows `patience`, which must outlive it. Throws ConnectError.
  SqliteConnection(const std::string& path, LockPatience& patience,
                   Absent absent = Absent::kCreate);

  // Runs statements without results; throws SetupError.
  void execute(const std::string& sql);
  // The first column of the first row; "" when there is none. Throws as execute().
  [[nodiscard]] std::string query_value(const std::string& sql) const;
  [[nodiscard]] SqliteStatement prepare(std::string_view sql) const { return {db_.get(), sql}; }
  [[nodiscard]] bool in_transaction() const;
  // Rows the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] int changes() const;
  // The last call failed because somebody else holds a lock.
  [[nodiscard]] bool is_busy() const;
  void interrupt() noexcept;
  // Of the last call that failed.
  [[nodiscard]] WriteError error(int code) const;
  [[noreturn]] void fail(int code) const;  // throws ConnectError

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace loadgen
