#include "stats/series.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace loadgen {
namespace {

// The highest value that shares its five bits after the leading one.
std::int64_t coarse_slot(std::int64_t value) {
  constexpr int kBits = 5;
  const int width = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value)));
  const int dropped = std::max(0, width - 1 - kBits);
  return (((value >> dropped) + 1) << dropped) - 1;
}

}  // namespace

CoarseHistogram::CoarseHistogram(const Histogram& histogram) {
  histogram.for_each_slot([this](std::int64_t value, std::uint64_t count) {
    const std::int64_t slot = coarse_slot(value);
    if (slots_.empty() || slots_.back().first != slot) {
      slots_.emplace_back(slot, count);
    } else {
      slots_.back().second += count;
    }
  });
  slots_.shrink_to_fit();
}

void CoarseHistogram::merge(const CoarseHistogram& other) {
  std::vector<std::pair<std::int64_t, std::uint64_t>> merged;
  merged.reserve(slots_.size() + other.slots_.size());
  auto mine = slots_.begin();
  for (const auto& theirs : other.slots_) {
    while (mine != slots_.end() && mine->first < theirs.first) merged.push_back(*mine++);
    merged.push_back(theirs);
    if (mine != slots_.end() && mine->first == theirs.first)
      merged.back().second += (mine++)->second;
  }
  merged.insert(merged.end(), mine, slots_.end());
  merged.shrink_to_fit();
  slots_ = std::move(merged);
}

double CoarseHistogram::percentile(double percent) const {
  std::uint64_t count = 0;
  for (const auto& slot : slots_) count += slot.second;
  const double wanted = percent / 100 * static_cast<double>(count);
  std::uint64_t seen = 0;
  for (const auto& slot : slots_) {
    seen += slot.second;
    if (static_cast<double>(seen) >= wanted) return static_cast<double>(slot.first);
  }
  return 0;
}

std::uint64_t SeriesSample::failed() const {
  return ends[Fate::kDeadLettered] + ends[Fate::kUnsent] + ends[Fate::kInDoubt];
}

void SeriesSample::append(const SeriesSample& next) {
  end = next.end;
  scheduled += next.scheduled;
  skipped += next.skipped;
  produced += next.produced;
  ends += next.ends;
  cpu_s += next.cpu_s;
  parts.schedule_lag += next.parts.schedule_lag;
  parts.queue_wait += next.parts.queue_wait;
  parts.batch_wait += next.parts.batch_wait;
  parts.write += next.parts.write;
  response.max = std::max(response.max, next.response.max);
  response.histogram.merge(next.response.histogram);
  response.p50 = std::min(response.max, response.histogram.percentile(50));
  response.p99 = std::min(response.max, response.histogram.percentile(99));
  queue_depth = next.queue_depth;
  in_flight = next.in_flight;
  rate_wanted = next.rate_wanted;
  producers = next.producers;
  consumers = next.consumers;
}

void Series::add(SeriesSample sample) {
  if (in_last_ > 0 && in_last_ < stride_) {
    samples_.back().append(sample);
    ++in_last_;
    return;
  }
  samples_.push_back(std::move(sample));
  in_last_ = 1;
  if (samples_.size() <= most_) return;
  // Each two become one; a last one without a neighbour stays, and the next ones join it.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < samples_.size(); i += 2) {
    SeriesSample merged = std::move(samples_[i]);
    if (i + 1 < samples_.size()) merged.append(samples_[i + 1]);
    samples_[kept++] = std::move(merged);
  }
  const bool last_is_alone = samples_.size() % 2 == 1;
  in_last_ = last_is_alone ? 1 : stride_ + 1;
  samples_.resize(kept);
  stride_ *= 2;
  interval_ *= 2;
}

}  // namespace loadgen
