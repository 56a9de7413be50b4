// Ends write attempts that take too long. The database's own timeouts are not enough: a stopped
// server, or a network that loses packets, does not answer. Owns one thread.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "base/clock.h"

namespace loadgen {

class Watchdog {
 public:
  // The longest an attempt may take: a tenth more than its timeout, so that the server can end it
  // first.
  [[nodiscard]] static nanoseconds patience(nanoseconds timeout) { return timeout + timeout / 10; }

  // Cuts off the attempts that began at or before `overdue`; returns when the earliest of the
  // others began, if there is one. Thread-safe.
  using CutOff = std::function<std::optional<TimePoint>(TimePoint overdue)>;

  // Borrows the clock and everything that `cut_off` uses.
  Watchdog(CutOff cut_off, nanoseconds patience, Clock& clock);

 private:
  std::jthread thread_;
};

}  // namespace loadgen
