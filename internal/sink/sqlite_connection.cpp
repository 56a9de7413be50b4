#include "sink/sqlite_connection.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/redact.h"

namespace loadgen {
namespace {

// SQLite calls this after each failed attempt, with the number of earlier attempts in this wait.
int wait_for_lock(void* context, int attempts) {
  auto& patience = *static_cast<LockPatience*>(context);
  const TimePoint now = patience.clock.now();
  if (now >= patience.deadline) return 0;
  constexpr std::array kDelays{1, 1, 2, 2, 5, 5, 10};
  const auto step = std::min<std::size_t>(static_cast<std::size_t>(attempts), kDelays.size() - 1);
  const TimePoint again = now + std::chrono::milliseconds(kDelays[step]);
  return patience.clock.sleep_until(again, patience.stop) ? 1 : 0;
}

// "SQLITE_IOERR (778)": the name of the primary code and the extended one's number.
std::string code_name(int code) {
  struct Name {
    int code;
    const char* name;
  };
  constexpr std::array kNames{
      Name{SQLITE_ERROR, "SQLITE_ERROR"},       Name{SQLITE_PERM, "SQLITE_PERM"},
      Name{SQLITE_ABORT, "SQLITE_ABORT"},       Name{SQLITE_BUSY, "SQLITE_BUSY"},
      Name{SQLITE_LOCKED, "SQLITE_LOCKED"},     Name{SQLITE_NOMEM, "SQLITE_NOMEM"},
      Name{SQLITE_READONLY, "SQLITE_READONLY"}, Name{SQLITE_INTERRUPT, "SQLITE_INTERRUPT"},
      Name{SQLITE_IOERR, "SQLITE_IOERR"},       Name{SQLITE_CORRUPT, "SQLITE_CORRUPT"},
      Name{SQLITE_FULL, "SQLITE_FULL"},         Name{SQLITE_CANTOPEN, "SQLITE_CANTOPEN"},
      Name{SQLITE_PROTOCOL, "SQLITE_PROTOCOL"}, Name{SQLITE_SCHEMA, "SQLITE_SCHEMA"},
      Name{SQLITE_TOOBIG, "SQLITE_TOOBIG"},     Name{SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT"},
      Name{SQLITE_MISMATCH, "SQLITE_MISMATCH"}, Name{SQLITE_MISUSE, "SQLITE_MISUSE"},
      Name{SQLITE_AUTH, "SQLITE_AUTH"},         Name{SQLITE_NOTADB, "SQLITE_NOTADB"},
  };
  const int primary = code & 0xff;
  for (const Name& known : kNames) {
    if (known.code != primary) continue;
    return code == primary ? known.name : fmt::format("{} ({})", known.name, code);
  }
  return fmt::format("SQLITE_{}", code);
}

}  // namespace

std::string file_gone(const std::string& path) {
  return fmt::format(
      "{} was deleted, renamed or replaced during the run: the rows stored in it are no longer "
      "there",
      one_line(path));
}

SqliteConnection::SqliteConnection(const std::string& path, LockPatience& patience, Absent absent) {
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                    (absent == Absent::kCreate ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  db_.reset(db);
  if (db == nullptr) throw SetupError("out of memory");
  if (code != SQLITE_OK) fail(code);
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_handler(db, wait_for_lock, &patience);
}

void SqliteConnection::execute(const std::string& sql) {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::string SqliteConnection::query_value(const std::string& sql) const {
  SqliteStatement statement = prepare(sql);
  int code = SQLITE_OK;
  std::string value;
  if (statement.step(code)) value = statement.text(0);
  if (code != SQLITE_OK && code != SQLITE_ROW) fail(code);
  return value;
}

SqliteStatement SqliteConnection::prepare(std::string_view sql) const {
  try {
    return {db_.get(), sql};
  } catch (const SetupError&) {
    fail(sqlite3_extended_errcode(db_.get()));
  }
}

bool SqliteConnection::in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

int SqliteConnection::changes() const { return sqlite3_changes(db_.get()); }

bool SqliteConnection::has_moved() const {
  int moved = 0;
  sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

bool SqliteConnection::is_busy() const {
  return (sqlite3_errcode(db_.get()) & 0xff) == SQLITE_BUSY;
}

void SqliteConnection::call_after_commit(AfterCommit call, void* context) {
  sqlite3_wal_hook(db_.get(), call, context);
}

int SqliteConnection::checkpoint(sqlite3* db) noexcept {
  int moved = -1;
  sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, &moved);
  return moved;
}

void SqliteConnection::interrupt() noexcept { sqlite3_interrupt(db_.get()); }

WriteError SqliteConnection::error(int code) const {
  return {.code = code_name(code),
          .message = one_line(sqlite3_errmsg(db_.get())),
          .error_class = classify_sqlite(code, sqlite3_system_errno(db_.get()))};
}

void SqliteConnection::fail(int code) const {
  throw ConnectError((code & 0xff) == SQLITE_BUSY ? "database is locked by another process"
                                                  : one_line(sqlite3_errmsg(db_.get())),
                     error(code));
}

}  // namespace loadgen
