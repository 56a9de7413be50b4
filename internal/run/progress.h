// The progress line on stderr: one per interval, redrawn in place on a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "channel/channel.h"
#include "stats/sampler.h"

namespace loadgen {

// Where the line gets its figures. Borrowed; must outlive the thread.
struct ProgressSource {
  Sampler& sampler;
  const Channel& channel;
  Clock& clock;
  TimePoint start;
  std::optional<nanoseconds> planned;  // length of the run, when known
};

// What one line says.
struct ProgressFigures {
  nanoseconds elapsed{0};
  std::optional<nanoseconds> planned{};
  std::uint64_t produced = 0;
  std::uint64_t stored = 0;
  double stored_per_s = 0;  // since the line before
  std::uint64_t waiting = 0;
};

// After its planned length a run is shown as draining. Parts that do not fit into `columns` are
// left out, from the right, because a wrapped line could not be redrawn. 0 = no limit.
std::string progress_line(const ProgressFigures& figures, std::size_t columns);

// A thread's body: prints until stopped.
void show_progress(const ProgressSource& source, nanoseconds interval, const std::stop_token& stop);

}  // namespace loadgen
