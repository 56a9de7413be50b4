// Whether a result meets its thresholds. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/counts.h"
#include "options/threshold.h"
#include "report/run_report.h"
#include "stats/latency_histograms.h"

namespace loadgen {

// What thresholds are compared with: a run without its warm-up, or a part of it.
struct Measured {
  const LatencyHistograms& latency;  // must outlive it
  Counts counts;
  // nullopt = not known, from here.
  std::optional<double> stored_per_s{};
  std::optional<double> produced_per_s{};
  std::optional<std::uint64_t> lost{};
  std::optional<std::uint64_t> duplicated{};
  std::optional<double> cpu_cores{};
  std::optional<std::uint64_t> max_rss_bytes{};
};

Histogram LatencyHistograms::*histogram_of(Threshold::Part part);

// In the unit of the threshold's value. nullopt = there are no samples: no message was scheduled,
// or none was stored whose latency could be compared, or it was not audited.
std::optional<double> observed(const Threshold& threshold, const Measured& measured);

// Without samples it does not.
bool passes(const Threshold& threshold, std::optional<double> observed);

// A threshold that ended the run.
struct BrokenThreshold {
  std::size_t index = 0;  // among the thresholds of the run
  std::optional<double> observed{};
  nanoseconds at{0};  // from the start of production
};

// The results of all thresholds of the run, in the order in which they were given.
std::vector<ThresholdResult> judge_thresholds(const RunReport& report,
                                              const std::optional<BrokenThreshold>& ended_by);

// "9.01 ms", "1,234", "500.0/s", "98.5%", "no samples".
std::string observed_text(const ThresholdResult& result);

}  // namespace loadgen
