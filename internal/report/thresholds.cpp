#include "report/thresholds.h"

#include <fmt/format.h>

#include "base/units.h"
#include "options/parse_threshold.h"
#include "report/judge.h"

namespace loadgen {
namespace {

using Figure = Threshold::Figure;

template <typename T>
std::optional<double> as_double(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

std::optional<double> percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) * 100 / static_cast<double>(whole);
}

std::optional<double> latency_of(const Threshold::Latency& what, const Histogram& histogram) {
  if (histogram.count() == 0) return std::nullopt;
  switch (what.statistic) {
    case Threshold::Statistic::kPercentile:
      return histogram.percentile(what.percentile);
    case Threshold::Statistic::kMax:
      return histogram.max();
    case Threshold::Statistic::kMean:
      return histogram.mean();
  }
  return std::nullopt;
}

// nullopt: the figure is no count of messages.
std::optional<std::uint64_t> count_of(Figure figure, const Counts& counts) {
  switch (figure) {
    case Figure::kStored:
      return counts.ends[Fate::kStored];
    case Figure::kDropped:
      return counts.ends[Fate::kDropped];
    case Figure::kSkipped:
      return counts.skipped;
    case Figure::kDeadLettered:
      return counts.ends[Fate::kDeadLettered];
    case Figure::kUnsent:
      return counts.ends[Fate::kUnsent];
    case Figure::kInDoubt:
      return counts.ends[Fate::kInDoubt];
    default:
      return std::nullopt;
  }
}

std::optional<double> figure_of(Figure figure, const Measured& measured) {
  const Counts& counts = measured.counts;
  switch (figure) {
    case Figure::kLost:
      return as_double(measured.lost);
    case Figure::kDuplicated:
      return as_double(measured.duplicated);
    case Figure::kStoredRate:
      return measured.stored_per_s;
    case Figure::kProducedRate:
      return measured.produced_per_s;
    case Figure::kErrorRate:
      return percent(counts.losses(), counts.produced);
    case Figure::kAchieved:
      return percent(counts.ends[Fate::kStored], counts.scheduled);
    case Figure::kCpuCores:
      return measured.cpu_cores;
    case Figure::kRss:
      return as_double(measured.max_rss_bytes);
    default:
      return counts.scheduled > 0 ? as_double(count_of(figure, counts)) : std::nullopt;
  }
}

// Of the measured time.
std::optional<double> cpu_cores(const RunReport& report) {
  double cpu_s = 0;
  double time_s = 0;
  for (const SeriesSample& sample : report.series.samples()) {
    if (sample.begin < report.measured_from()) continue;
    cpu_s += sample.cpu_s;
    time_s += sample.seconds();
  }
  return time_s > 0 ? std::optional(cpu_s / time_s) : std::nullopt;
}

Measured measured_of(const RunReport& report) {
  Measured measured{.latency = report.latency, .counts = report.measured()};
  if (!report.started) return measured;
  if (measured.counts.scheduled > 0) {
    measured.stored_per_s = stored_per_second(report);
    measured.produced_per_s = produced_per_second(report);
  }
  if (report.audit.passed) {
    measured.lost = report.audit.lost;
    measured.duplicated = report.audit.duplicated;
  }
  measured.cpu_cores = cpu_cores(report);
  measured.max_rss_bytes = report.client.max_rss_bytes;
  return measured;
}

}  // namespace

Histogram LatencyHistograms::*histogram_of(Threshold::Part part) {
  switch (part) {
    case Threshold::Part::kScheduleLag:
      return &LatencyHistograms::schedule_lag;
    case Threshold::Part::kQueueWait:
      return &LatencyHistograms::queue_wait;
    case Threshold::Part::kBatchWait:
      return &LatencyHistograms::batch_wait;
    case Threshold::Part::kWrite:
      return &LatencyHistograms::write;
    case Threshold::Part::kResponse:
      break;
  }
  return &LatencyHistograms::response;
}

std::optional<double> observed(const Threshold& threshold, const Measured& measured) {
  if (!threshold.latency) return figure_of(threshold.figure, measured);
  return latency_of(*threshold.latency, measured.latency.*histogram_of(threshold.latency->part));
}

bool passes(const Threshold& threshold, std::optional<double> observed) {
  if (!observed) return false;
  switch (threshold.comparison) {
    case Threshold::Comparison::kLess:
      return *observed < threshold.value;
    case Threshold::Comparison::kAtMost:
      return *observed <= threshold.value;
    case Threshold::Comparison::kGreater:
      return *observed > threshold.value;
    case Threshold::Comparison::kAtLeast:
      return *observed >= threshold.value;
    case Threshold::Comparison::kEqual:
      return *observed == threshold.value;
  }
  return false;
}

std::vector<ThresholdResult> judge_thresholds(const RunReport& report,
                                              const std::optional<BrokenThreshold>& ended_by) {
  const Measured measured = measured_of(report);
  std::vector<ThresholdResult> results;
  for (const Threshold& threshold : report.config.thresholds) {
    if (ended_by && ended_by->index == results.size()) {
      results.push_back({.threshold = threshold, .observed = ended_by->observed, .aborted = true});
      continue;
    }
    const auto value = observed(threshold, measured);
    results.push_back(
        {.threshold = threshold, .observed = value, .passed = passes(threshold, value)});
  }
  return results;
}

std::string observed_text(const ThresholdResult& result) {
  if (!result.observed) return "no samples";
  const double value = *result.observed;
  switch (unit_of(result.threshold)) {
    case ThresholdUnit::kNanoseconds:
      return format_latency(value);
    case ThresholdUnit::kMessages:
      return format_count(static_cast<std::uint64_t>(value));
    case ThresholdUnit::kPerSecond:
      return format_amount(value, 1) + "/s";
    case ThresholdUnit::kPercent:
      return fmt::format("{:.6g}%", value);
    case ThresholdUnit::kCores:
      return fmt::format("{:.2f} cores", value);
    case ThresholdUnit::kBytes:
      return fmt::format("{:.1f} MB", value / 1e6);
  }
  return "";
}

}  // namespace loadgen
