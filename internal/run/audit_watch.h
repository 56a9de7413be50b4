// Says in the log that an audit goes on: once it has taken a second, and then every five, with how
// many rows it has read. A thread of its own, while it lives; without one the audit goes unwatched.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "base/clock.h"

namespace loadgen {

class AuditWatch {
 public:
  // Borrows the clock.
  explicit AuditWatch(Clock& clock);

  // For the audit to count in.
  [[nodiscard]] std::atomic<std::uint64_t>& rows_read() { return rows_read_; }

 private:
  std::atomic<std::uint64_t> rows_read_{0};
  std::jthread thread_;
};

}  // namespace loadgen
