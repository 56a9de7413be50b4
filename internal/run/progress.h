// The progress line on stderr: one per interval, redrawn in place on a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "channel/channel.h"
#include "stats/sampler.h"

namespace loadgen {

// Where the line gets its figures. Borrowed; must outlive the line.
struct ProgressSource {
  Sampler& sampler;
  const Channel& channel;
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

// The line on the user's terminal. For one thread.
class ProgressLine {
 public:
  explicit ProgressLine(const ProgressSource& source);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  // Removes a line that was drawn in place.
  ~ProgressLine();

  // The rate in it is that since the last call.
  void show(TimePoint now);

 private:
  const ProgressSource source_;
  const bool redraws_;
  TimePoint last_;
  std::uint64_t last_stored_ = 0;
};

}  // namespace loadgen
