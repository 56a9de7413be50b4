// A fair lock for the one writer SQLite allows: threads get it in the order they asked, so no
// consumer starves, and nobody spins on the database's own lock. Thread-safe. Unlike std::mutex a
// wait can be given up. Does not allocate.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>

namespace loadgen {

class WriterLock {
 public:
  // Blocks until the lock is held (true) or a stop is requested (false).
  [[nodiscard]] bool lock(const std::stop_token& stop);
  void unlock();
  // How many threads wait for it now.
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiter {  // lives on the waiting thread's stack
    std::condition_variable granted_or_stopped;
    bool granted = false;
    Waiter* next = nullptr;
  };

  void leave_locked(Waiter& waiter);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  bool held_ = false;
  Waiter* first_ = nullptr;  // queue of those who wait, oldest first
  Waiter* last_ = nullptr;
};

}  // namespace loadgen
