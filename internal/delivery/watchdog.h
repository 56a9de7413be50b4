// Ends write attempts that take too long. The database's own timeouts cannot: a server that was
// stopped, or a network that swallows packets, answers nothing. Owns one thread, which sleeps.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "base/clock.h"

namespace loadgen {

class Watchdog {
 public:
  // The longest an attempt may take: a tenth beyond its timeout, in which the server itself may end
  // it.
  [[nodiscard]] static nanoseconds patience(nanoseconds timeout) { return timeout + timeout / 10; }

  // Cuts off the attempts that began at or before `overdue`; returns when the earliest of the
  // others began, if there is one. Thread-safe.
  using CutOff = std::function<std::optional<TimePoint>(TimePoint overdue)>;

  // Borrows the clock, and all that `cut_off` uses.
  Watchdog(CutOff cut_off, nanoseconds patience, Clock& clock);

 private:
  std::jthread thread_;
};

}  // namespace loadgen
