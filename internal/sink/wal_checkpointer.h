// Decides which thread moves SQLite's write-ahead log into the database file, and when. SQLite
// itself does this in a commit every 1000 pages, and syncs two files while all other writers wait:
// at 500 rows per frame that took a fifth of the time with --durability=full, over a third with
// relaxed. Here a consumer that has stored its frame moves the log while other consumers write:
// with 5 consumers that stores 10 % more rows (full) and 20 % more (relaxed). A single consumer
// does it between its frames. This class never checkpoints a log that is already moved completely:
// a writer may restart the log at that moment, and before 3.51.3 SQLite would then take new pages
// for moved ones (https://www.sqlite.org/wal.html, "The WAL-Reset Bug"). While some pages are not
// moved yet, no writer of this process can restart the log. Source:
// https://www.sqlite.org/wal.html, "Avoiding Excessively Large WAL Files". Thread-safe; allocates
// nothing, though SQLite does for each checkpoint.
#pragma once

#include <cstdint>
#include <mutex>

#include "sink/sqlite_connection.h"

namespace loadgen {

class WalCheckpointer {
 public:
  // From now on the connection's commits move the log only when it is very long. The checkpointer
  // must outlive the connection's last commit.
  void serve(SqliteConnection& connection);

  // Moves the log if it is long enough and no other thread is moving it. Call it without a lock, on
  // the thread that uses the connection. Blocks for the disk. If it fails, the log stays valid and
  // grows until it can be moved.
  void checkpoint_if_due(SqliteConnection& connection);

 private:
  // As often as SQLite would: 4 MiB at its usual page size.
  static constexpr int kPages = 1000;
  // The log restarts only when all of it was moved, and it grows while others write. At 16 MiB, or
  // a frame more, the commit itself moves the rest.
  static constexpr int kManyPages = 4 * kPages;

  static int after_commit(void* self, sqlite3* db, const char* name, int pages);
  void checkpoint_locked(std::unique_lock<std::mutex>& lock, sqlite3* db);

  std::mutex mutex_;
  // Guarded by mutex_.
  bool busy_ = false;
  std::uint64_t log_ = 0;  // how often it was seen to restart
  int pages_ = 0;          // in the log, at the last commit
  int seen_to_ = 0;        // no page after this one is moved
  int overdue_at_ = kManyPages;
};

}  // namespace loadgen
