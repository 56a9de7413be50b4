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
  // The longest an attempt may take: a tenth beyond its timeout, in which the server itself may end
  // it.
  [[nodiscard]] static nanoseconds patience(nanoseconds timeout) { return timeout + timeout / 10; }

  // Borrows the couriers, which must outlive it.
  Watchdog(std::span<const std::unique_ptr<Courier>> couriers, nanoseconds patience, Clock& clock);

 private:
  std::jthread thread_;
};

}  // namespace loadgen
