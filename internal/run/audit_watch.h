// Logs the progress of an audit after one second and then every five seconds, with the number of
// rows read. Owns a thread; if the thread cannot be started, nothing is logged.
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

  // The audit counts its rows here.
  [[nodiscard]] std::atomic<std::uint64_t>& rows_read() { return rows_read_; }

 private:
  std::atomic<std::uint64_t> rows_read_{0};
  std::jthread thread_;
};

}  // namespace loadgen
