// Ends write attempts that take too long. The database's own timeouts cannot: a server that was
// stopped, or a network that swallows packets, answers nothing. Owns one thread, which sleeps.
#pragma once

#include <memory>
#include <span>
#include <thread>

#include "base/clock.h"
#include "delivery/courier.h"

namespace loadgen {

class Watchdog {
 public:
  // A write gets this long beyond its own timeout until its connection is cut.
  static constexpr std::chrono::seconds kGrace{5};

  // Borrows the couriers, which must outlive it. `patience`: the longest an attempt may take.
  Watchdog(std::span<const std::unique_ptr<Courier>> couriers, nanoseconds patience, Clock& clock);

 private:
  std::jthread thread_;
};

}  // namespace loadgen
