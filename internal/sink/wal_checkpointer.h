// Decides which thread moves SQLite's write-ahead log into the database file, and when. Left to
// SQLite, every 1000 pages one commit does that, with the lock of all writers and two syncs of
// files: at its full rate SQLite spends a third of its time so, and every frame waits. Here a
// thread does it that has stored its frame, while others write: with 5 consumers that stores 10 %
// more with
// --durability=full, 25 % more with relaxed. A single consumer does it between its frames.
// Source: https://www.sqlite.org/wal.html, "Avoiding Excessively Large WAL Files".
// Thread-safe; does not allocate.
#pragma once

#include <mutex>

#include "sink/sqlite_connection.h"

namespace loadgen {

class WalCheckpointer {
 public:
  // From now on the connection's commits leave the log alone, but for a very long one. Must outlive
  // the connection's last commit.
  void serve(SqliteConnection& connection);

  // Moves what is in the log, if that is enough to be worth it and nobody else is about it. For a
  // thread that holds no lock and uses the connection alone. Blocks for the disk. If it fails, the
  // log is as good as before, and whoever commits next meets the same trouble himself.
  void checkpoint_if_due(SqliteConnection& connection);

 private:
  // As often as SQLite would: 4 MiB at its usual page size.
  static constexpr int kPages = 1000;
  // The log begins anew only when all of it was moved, and while others write it grows meanwhile:
  // at 16 MiB the commit itself moves the rest.
  static constexpr int kManyPages = 4 * kPages;

  static int after_commit(void* self, sqlite3* db, const char* name, int pages);
  void checkpoint_locked(std::unique_lock<std::mutex>& lock, sqlite3* db);

  std::mutex mutex_;
  // Guarded by mutex_.
  bool busy_ = false;
  int pages_ = 0;  // in the log, at the last commit
  int due_at_ = kPages;
  int overdue_at_ = kManyPages;
};

}  // namespace loadgen
