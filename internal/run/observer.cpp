#include "run/observer.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "run/machine.h"

namespace loadgen {
namespace {

constexpr std::chrono::seconds kInterval{1};

double cpu_seconds() {
  const ClientUsage usage = client_usage();
  return usage.cpu_user_s + usage.cpu_system_s;
}

double sum_of(const Histogram& histogram) {
  return histogram.mean() * static_cast<double>(histogram.count());
}

// What the workers counted and timed.
SeriesSample sample_of(const Sample& counted) {
  const LatencyHistograms& latency = counted.latency;
  SeriesSample sample;
  sample.produced = counted.produced;
  sample.ends = counted.ends;
  sample.response = {.p50 = latency.response.percentile(50),
                     .p99 = latency.response.percentile(99),
                     .max = latency.response.max(),
                     .histogram = CoarseHistogram(latency.response)};
  sample.parts = {.schedule_lag = sum_of(latency.schedule_lag),
                  .queue_wait = sum_of(latency.queue_wait),
                  .batch_wait = sum_of(latency.batch_wait),
                  .write = sum_of(latency.write)};
  return sample;
}

}  // namespace

Observer::Observer(Lane& lane, Clock& clock, Settings settings,
                   std::vector<IntervalListener> listeners) try
    : lane_(lane),
      clock_(clock),
      settings_(settings),
      listeners_(std::move(listeners)),
      course_{.series = Series(kInterval)},
      thread_([this](const std::stop_token& stop) { watch(stop); }) {
} catch (const std::system_error& error) {
  throw SetupError(fmt::format("cannot start a thread: {}", error.what()));
}

Observer::~Observer() {
  thread_.request_stop();
  if (!begun_.try_wait()) begun_.count_down();
}

void Observer::begin(TimePoint start) {
  start_ = start;
  course_.cpu_s = cpu_seconds();
  begun_.count_down();
}

// Intervals end at whole seconds, and begin anew when the warm-up ends.
TimePoint Observer::end_of_interval() const {
  const bool warming_up = settings_.warmup.count() > 0 && !course_.warmup;
  const nanoseconds origin = warming_up ? nanoseconds(0) : settings_.warmup;
  const nanoseconds next = origin + ((course_.closed - origin) / kInterval + 1) * kInterval;
  return start_ + (warming_up ? std::min(next, settings_.warmup) : next);
}

void Observer::watch(const std::stop_token& stop) {
  begun_.wait();
  if (stop.stop_requested()) return;
  std::optional<ProgressLine> progress;
  if (settings_.progress) {
    progress.emplace(
        ProgressSource{lane_.sampler(), lane_.channel(), start_, lane_.schedule().end()});
  }
  TimePoint show_at = settings_.progress ? start_ + *settings_.progress : TimePoint::max();
  while (clock_.sleep_until(std::min(end_of_interval(), show_at), stop)) {
    const TimePoint now = clock_.now();
    if (now >= end_of_interval()) close_interval(now);
    if (now < show_at) continue;
    progress->show(now);
    while (show_at <= now) show_at += *settings_.progress;  // a stall skips lines
  }
}

void Observer::close_interval(TimePoint now) {
  const Sample& counted = lane_.sampler().close_interval();
  const Outlook outlook = lane_.outlook();
  const double cpu_s = cpu_seconds();
  Counts& counts = course_.counts;
  SeriesSample sample = sample_of(counted);
  sample.begin = course_.closed;
  sample.end = now - start_;
  sample.scheduled = outlook.scheduled - std::exchange(counts.scheduled, outlook.scheduled);
  sample.skipped = outlook.skipped - std::exchange(counts.skipped, outlook.skipped);
  counts.produced += counted.produced;
  counts.ends += counted.ends;
  counts.retried_frames += counted.retried_frames;
  counts.duplicates_suppressed += counted.duplicates_suppressed;
  sample.cpu_s = cpu_s - std::exchange(course_.cpu_s, cpu_s);
  sample.queue_depth = outlook.queue_depth;
  // Counted by different threads one after the other, so the difference may fall below 0.
  const std::uint64_t elsewhere = counts.ends.sum() + outlook.queue_depth;
  sample.in_flight = counts.produced > elsewhere ? counts.produced - elsewhere : 0;
  sample.rate_wanted = outlook.rate_wanted;
  sample.producers = outlook.producers;
  sample.consumers = outlook.consumers;
  course_.closed = sample.end;
  const bool is_warmup = settings_.warmup.count() > 0 && !course_.warmup;
  for (const IntervalListener& listener : listeners_) listener({counted, sample, is_warmup});
  if (course_.last) course_.series.add(*std::exchange(course_.last, std::nullopt));
  course_.last = std::move(sample);
  if (is_warmup && course_.closed >= settings_.warmup) end_warmup();
}

void Observer::end_warmup() {
  lane_.sampler().end_warmup();
  course_.warmup = {.duration = course_.closed, .counts = course_.counts};
}

void Observer::stop() {
  thread_.request_stop();
  thread_.join();
  close_interval(clock_.now());
  // The run ended within its warm-up: nothing was measured.
  if (settings_.warmup.count() > 0 && !course_.warmup) end_warmup();
}

Observer::Observed Observer::finish(const Counts& counts) {
  SeriesSample& last = *course_.last;
  const Counts rest = counts - course_.counts;
  last.scheduled += rest.scheduled;
  last.skipped += rest.skipped;
  last.produced += rest.produced;
  last.ends += rest.ends;
  last.in_flight = 0;
  course_.series.add(std::move(last));
  return {std::move(course_.series), course_.warmup};
}

}  // namespace loadgen
