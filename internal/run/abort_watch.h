// Whether a threshold with "abort:" is broken over the last seconds of a run. A pure machine: fed
// with each interval that has ended, it reads no clock. Not thread-safe. Keeps the intervals of the
// longest window, with up to 0.2 MB each for each part of the response time that such thresholds
// name.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "model/counts.h"
#include "options/threshold.h"
#include "report/thresholds.h"
#include "stats/histogram.h"
#include "stats/sample.h"
#include "stats/series.h"

namespace loadgen {

class AbortWatch {
 public:
  // Those of a run; the ones without "abort:" are not watched.
  explicit AbortWatch(const std::vector<Threshold>& thresholds);

  // False: there is nothing to watch.
  [[nodiscard]] bool watches() const { return !watched_.empty(); }

  // An interval of the measured time has ended; they must follow each other. Returns the first
  // threshold that is broken, of those whose window has passed since the measured time began. A
  // threshold without samples is broken if messages were waiting, and otherwise cannot be judged.
  std::optional<BrokenThreshold> add(const Sample& counted, const SeriesSample& sample,
                                     std::uint64_t max_rss_bytes);

 private:
  static constexpr std::size_t kParts = 5;

  struct Watched {
    std::size_t index;
    Threshold threshold;
  };
  struct Interval {
    nanoseconds length{0};
    Counts counts;
    double cpu_s = 0;
    std::array<std::optional<Histogram>, kParts> latency;  // of the parts in use
  };
  // What happened in the last intervals, which reach back at least as far as `window`.
  struct Span {
    nanoseconds length{0};
    Counts counts{};
    double cpu_s = 0;
  };
  [[nodiscard]] Span last(nanoseconds window, const std::optional<Threshold::Latency>& latency);

  std::vector<Watched> watched_;
  std::array<bool, kParts> uses_{};  // which parts are compared
  nanoseconds longest_{0};           // window
  nanoseconds kept_{0};              // summed over intervals_
  std::deque<Interval> intervals_;
  LatencyHistograms window_;  // of last(): only the part that is compared
};

}  // namespace loadgen
