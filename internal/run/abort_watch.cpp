#include "run/abort_watch.h"

#include <algorithm>
#include <utility>

#include "base/seconds.h"

namespace loadgen {
namespace {

std::size_t index_of(Threshold::Part part) { return static_cast<std::size_t>(part); }

bool messages_were_waiting(const Counts& counts, const SeriesSample& now) {
  return counts.scheduled > 0 || now.queue_depth > 0 || now.in_flight > 0;
}

}  // namespace

AbortWatch::AbortWatch(const std::vector<Threshold>& thresholds) {
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    const Threshold& threshold = thresholds[i];
    if (!threshold.abort_window) continue;
    watched_.push_back({i, threshold});
    longest_ = std::max(longest_, *threshold.abort_window);
    if (threshold.latency) uses_.at(index_of(threshold.latency->part)) = true;
  }
}

std::optional<BrokenThreshold> AbortWatch::add(const Sample& counted, const SeriesSample& sample,
                                               std::uint64_t max_rss_bytes) {
  if (!watches()) return std::nullopt;
  Interval& interval = intervals_.emplace_back();
  interval.length = sample.end - sample.begin;
  interval.counts = {.scheduled = sample.scheduled,
                     .skipped = sample.skipped,
                     .produced = sample.produced,
                     .ends = sample.ends};
  interval.cpu_s = sample.cpu_s;
  for (std::size_t part = 0; part < kParts; ++part) {
    if (!uses_.at(part)) continue;
    interval.latency.at(part).emplace().merge(counted.latency.*
                                              histogram_of(static_cast<Threshold::Part>(part)));
  }
  kept_ += interval.length;
  while (kept_ - intervals_.front().length >= longest_) {
    kept_ -= intervals_.front().length;
    intervals_.pop_front();
  }
  for (const auto& [index, threshold] : watched_) {
    const nanoseconds window = *threshold.abort_window;
    if (kept_ < window) continue;
    const Span span = last(window, threshold.latency);
    const double length_s = seconds(span.length);
    const auto rate = [&](std::uint64_t count) { return static_cast<double>(count) / length_s; };
    const auto value = observed(threshold, {.latency = window_,
                                            .counts = span.counts,
                                            .stored_per_s = rate(span.counts.ends[Fate::kStored]),
                                            .produced_per_s = rate(span.counts.produced),
                                            .cpu_cores = span.cpu_s / length_s,
                                            .max_rss_bytes = max_rss_bytes});
    if (passes(threshold, value)) continue;
    if (!value && !messages_were_waiting(span.counts, sample)) continue;
    return BrokenThreshold{index, value, sample.end};
  }
  return std::nullopt;
}

AbortWatch::Span AbortWatch::last(nanoseconds window,
                                  const std::optional<Threshold::Latency>& latency) {
  Span span;
  window_.clear();
  for (auto interval = intervals_.rbegin(); span.length < window; ++interval) {
    span.length += interval->length;
    span.counts += interval->counts;
    span.cpu_s += interval->cpu_s;
    if (!latency) continue;
    (window_.*histogram_of(latency->part)).merge(*interval->latency.at(index_of(latency->part)));
  }
  return span;
}

}  // namespace loadgen
