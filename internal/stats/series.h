// The course of a run: what happened in each interval, from the start of production to the end of
// the drain. A value. Not thread-safe. Adding a sample allocates.
//
// Memory is bounded: once there are more than `most` samples, each two neighbours become one and
// the interval doubles. Sums stay exact. So do the maximum and the percentiles of samples that were
// never merged; of merged ones, percentiles are exact to 4 %.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "model/fate.h"
#include "stats/latency_histograms.h"

namespace loadgen {

// Counts of durations in few slots: 32 for each doubling. Takes little memory where Histogram takes
// hundreds of kilobytes.
class CoarseHistogram {
 public:
  CoarseHistogram() = default;
  explicit CoarseHistogram(const Histogram& histogram);

  void merge(const CoarseHistogram& other);
  // In nanoseconds, at most 4 % above the true one; 0 when empty.
  [[nodiscard]] double percentile(double percent) const;

 private:
  // The highest value of a slot in nanoseconds, and its count. Ascending.
  std::vector<std::pair<std::int64_t, std::uint64_t>> slots_;
};

// What the workers do not count: seen from outside at one moment.
struct Outlook {
  std::uint64_t scheduled = 0;  // since the start
  std::uint64_t skipped = 0;    // since the start
  std::uint64_t queue_depth = 0;
  std::optional<double> rate_wanted{};  // nullopt = as fast as possible
  std::uint32_t producers = 0;
  std::uint32_t consumers = 0;
};

struct SeriesSample {
  nanoseconds begin{0};  // from the start of production
  nanoseconds end{0};
  // Counts of messages, and sums, of this interval.
  std::uint64_t scheduled = 0;
  std::uint64_t skipped = 0;
  std::uint64_t produced = 0;
  Tally ends;
  double cpu_s = 0;
  // Of messages that were stored in the interval.
  struct Response {
    double p50 = 0;  // nanoseconds
    double p99 = 0;
    double max = 0;
    CoarseHistogram histogram;
  } response;
  struct PartSums {  // nanoseconds, over all messages
    double schedule_lag = 0;
    double queue_wait = 0;
    double batch_wait = 0;
    double write = 0;
  } parts;
  // As it was at the end of the interval.
  std::uint64_t queue_depth = 0;
  std::uint64_t in_flight = 0;  // messages taken from the channel that have no fate yet
  std::optional<double> rate_wanted;
  std::uint32_t producers = 0;
  std::uint32_t consumers = 0;

  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(end - begin).count();
  }
  // Messages that were given up: dead-lettered, unsent or in doubt.
  [[nodiscard]] std::uint64_t failed() const;
  // Becomes the sample of both intervals. `next` follows at once.
  void append(const SeriesSample& next);
};

class Series {
 public:
  static constexpr std::size_t kMost = 10'000;

  Series() = default;
  // interval: the usual length of a sample.
  explicit Series(nanoseconds interval, std::size_t most = kMost)
      : interval_(interval), most_(most) {}

  // The samples must follow each other.
  void add(SeriesSample sample);

  [[nodiscard]] nanoseconds interval() const { return interval_; }
  [[nodiscard]] const std::vector<SeriesSample>& samples() const { return samples_; }

 private:
  nanoseconds interval_ = std::chrono::seconds(1);
  std::size_t most_ = kMost;
  std::uint64_t stride_ = 1;   // how many added samples make one
  std::uint64_t in_last_ = 0;  // how many the last one holds
  std::vector<SeriesSample> samples_;
};

}  // namespace loadgen
