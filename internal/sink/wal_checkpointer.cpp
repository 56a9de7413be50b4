#include "sink/wal_checkpointer.h"

#include <algorithm>

namespace loadgen {

void WalCheckpointer::serve(SqliteConnection& connection) {
  connection.call_after_commit(after_commit, this);
}

void WalCheckpointer::checkpoint_if_due(SqliteConnection& connection) {
  std::unique_lock lock(mutex_);
  if (!busy_ && pages_ - seen_to_ >= kPages) checkpoint_locked(lock, connection.handle());
}

int WalCheckpointer::after_commit(void* self, sqlite3* db, const char* /*name*/, int pages) {
  auto& checkpointer = *static_cast<WalCheckpointer*>(self);
  std::unique_lock lock(checkpointer.mutex_);
  if (pages < checkpointer.pages_) {
    ++checkpointer.log_;
    checkpointer.seen_to_ = 0;
    checkpointer.overdue_at_ = kManyPages;
  }
  checkpointer.pages_ = pages;
  if (!checkpointer.busy_ && pages >= checkpointer.overdue_at_) {
    // A reader may keep the log from restarting; do not try again at each commit.
    checkpointer.overdue_at_ = pages + kPages;
    checkpointer.checkpoint_locked(lock, db);
  }
  return 0;  // SQLITE_OK
}

void WalCheckpointer::checkpoint_locked(std::unique_lock<std::mutex>& lock, sqlite3* db) {
  busy_ = true;
  const std::uint64_t log = log_;
  const int pages = pages_;
  lock.unlock();
  const int moved = SqliteConnection::checkpoint(db);
  lock.lock();
  busy_ = false;
  // A reader may have prevented moving all pages, and may do so again.
  if (log == log_) seen_to_ = std::max(pages, moved);
}

}  // namespace loadgen
