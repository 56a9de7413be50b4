// A condition on the result of a run, as a user writes it: "p99<50ms", "achieved>=98%",
// "abort(30s): queue_wait.p99 < 1s". A plain value.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace loadgen {

struct Threshold {
  // What of the response time, or of a part of it, is compared.
  enum class Statistic { kPercentile, kMax, kMean };
  enum class Part { kResponse, kScheduleLag, kQueueWait, kBatchWait, kWrite };
  struct Latency {
    Part part = Part::kResponse;
    Statistic statistic = Statistic::kPercentile;
    double percentile = 0;  // in percent
  };
  // What else may be compared.
  enum class Figure {
    kStored,  // counts of messages, from here
    kLost,
    kDropped,
    kSkipped,
    kDeadLettered,
    kUnsent,
    kInDoubt,
    kDuplicated,
    kStoredRate,  // per second
    kProducedRate,
    kErrorRate,  // percent
    kAchieved,   // percent: stored of scheduled
    kCpuCores,
    kRss,  // bytes
  };
  enum class Comparison { kLess, kAtMost, kGreater, kAtLeast, kEqual };

  std::string expression;          // as the user wrote it
  std::optional<Latency> latency;  // nullopt = `figure` is compared
  Figure figure = Figure::kStored;
  Comparison comparison = Comparison::kLess;
  double value = 0;  // latencies in nanoseconds; others in the unit of their figure
  // Set: the run ends as soon as the condition is false over the last time of this length.
  std::optional<std::chrono::nanoseconds> abort_window;
};

}  // namespace loadgen
