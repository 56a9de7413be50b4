#include "sink/wal_checkpointer.h"

namespace loadgen {

void WalCheckpointer::serve(SqliteConnection& connection) {
  connection.call_after_commit(after_commit, this);
}

void WalCheckpointer::checkpoint_if_due(SqliteConnection& connection) {
  std::unique_lock lock(mutex_);
  if (!busy_ && pages_ >= due_at_) checkpoint_locked(lock, connection.handle());
}

int WalCheckpointer::after_commit(void* self, sqlite3* db, const char* /*name*/, int pages) {
  auto& checkpointer = *static_cast<WalCheckpointer*>(self);
  std::unique_lock lock(checkpointer.mutex_);
  if (pages < checkpointer.pages_) {  // it has begun anew
    checkpointer.due_at_ = kPages;
    checkpointer.overdue_at_ = kManyPages;
  }
  checkpointer.pages_ = pages;
  if (!checkpointer.busy_ && pages >= checkpointer.overdue_at_) {
    // Somebody who reads may keep the log from beginning anew: not again with each commit.
    checkpointer.overdue_at_ = pages + kPages;
    checkpointer.checkpoint_locked(lock, db);
  }
  return 0;  // SQLITE_OK
}

void WalCheckpointer::checkpoint_locked(std::unique_lock<std::mutex>& lock, sqlite3* db) {
  busy_ = true;
  due_at_ = pages_ + kPages;
  lock.unlock();
  SqliteConnection::checkpoint(db);
  lock.lock();
  busy_ = false;
}

}  // namespace loadgen
