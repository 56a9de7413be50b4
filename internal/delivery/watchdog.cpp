#include "delivery/watchdog.h"

#include <algorithm>

namespace loadgen {

// Nobody has to tell it of a new attempt: one that begins while it sleeps is not overdue before it
// wakes, because it never sleeps longer than an attempt may take.
Watchdog::Watchdog(std::span<const std::unique_ptr<Courier>> couriers, nanoseconds patience,
                   Clock& clock)
    : thread_([couriers, patience, &clock](const std::stop_token& stop) {
        TimePoint next = clock.now() + patience;
        while (clock.sleep_until(next, stop)) {
          const TimePoint overdue = clock.now() - patience;
          next = clock.now() + patience;
          for (const auto& courier : couriers) {
            const auto began = courier->interrupt_if_overdue(overdue);
            if (began) next = std::min(next, *began + patience);
          }
        }
      }) {}

}  // namespace loadgen
