// The progress line on stderr: one per interval, redrawn in place on a terminal.
#pragma once

#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "channel/channel.h"
#include "stats/live_counters.h"

namespace loadgen {

// What the line shows. Borrowed; must outlive the thread.
struct ProgressSource {
  const LiveCounters& live;
  const Channel& channel;
  Clock& clock;
  TimePoint start;
  std::optional<nanoseconds> planned;  // length of the run, when known
};

// A thread's body: prints until stopped.
void show_progress(const ProgressSource& source, nanoseconds interval, const std::stop_token& stop);

}  // namespace loadgen
