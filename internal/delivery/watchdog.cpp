#include "delivery/watchdog.h"

#include <algorithm>
#include <utility>

namespace loadgen {

// New attempts need no notification: the thread never sleeps longer than an attempt may take, so an
// attempt that begins meanwhile is not overdue before it wakes.
Watchdog::Watchdog(CutOff cut_off, nanoseconds patience, Clock& clock)
    : thread_([cut_off = std::move(cut_off), patience, &clock](const std::stop_token& stop) {
        TimePoint next = clock.now() + patience;
        while (clock.sleep_until(next, stop)) {
          const std::optional<TimePoint> began = cut_off(clock.now() - patience);
          next = clock.now() + patience;
          if (began) next = std::min(next, *began + patience);
        }
      }) {}

}  // namespace loadgen
