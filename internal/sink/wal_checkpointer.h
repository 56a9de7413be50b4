// Decides which thread moves SQLite's write-ahead log into the database file, and when. Left to
// SQLite, every 1000 pages one commit does that, and syncs two files, while all other writers wait:
// at 500 rows a frame that took a fifth of the time with --durability=full, over a third with
// relaxed. Here a consumer that has stored its frame moves the log while other consumers write:
// with 5 consumers that stores 10 % more rows (full) and 20 % more (relaxed). A single consumer
// does it between its frames. This class never checkpoints a log that is already moved completely:
// a writer may restart the log at that moment, and before 3.51.3 SQLite would then take new pages
// for moved ones (https://www.sqlite.org/wal.html, "The WAL-Reset Bug"). While some pages are not
// moved yet, no writer of this process can restart the log. Source:
// https://www.sqlite.org/wal.html, "Avoiding Excessively Large WAL Files". Thread-safe; allocates
// nothing, but SQLite does for each checkpoint.
#pragma once

#include <cstdint>
#include <mutex>

#include "sink/sqlite_connection.h"

namespace loadgen {

class WalCheckpointer {
 public:
  // From now on the connection's commits leave the log alone, but for a very long one. This
  // must outlive the connection's last commit.
  void serve(SqliteConnection& connection);

  // Moves what is in the log, if that is enough to be worth it and nobody else is about it. For a
  // thread that holds no lock and uses the connection alone. Blocks for the disk. If it fails, the
  // log is as good as before, and grows until it can be moved.
  void checkpoint_if_due(SqliteConnection& connection);

 private:
  // As often as SQLite would: 4 MiB at its usual page size.
  static constexpr int kPages = 1000;
  // The log begins anew only when all of it was moved, and while others write it grows meanwhile:
  // at 16 MiB, or a frame more, the commit itself moves the rest.
  static constexpr int kManyPages = 4 * kPages;

  static int after_commit(void* self, sqlite3* db, const char* name, int pages);
  void checkpoint_locked(std::unique_lock<std::mutex>& lock, sqlite3* db);

  std::mutex mutex_;
  // Guarded by mutex_.
  bool busy_ = false;
  std::uint64_t log_ = 0;  // counts how often it was seen to begin anew
  int pages_ = 0;          // in the log, at the last commit
  int seen_to_ = 0;        // no page after this one is moved
  int overdue_at_ = kManyPages;
};

}  // namespace loadgen
