#include "stats/histogram.h"

#include <algorithm>
#include <cmath>
#include <new>

namespace loadgen {

Histogram::Histogram()
    : counts_(static_cast<std::uint64_t*>(std::calloc(slots() + words(), sizeof(std::uint64_t)))) {
  if (counts_ == nullptr) throw std::bad_alloc();
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  other.for_each_touched(
      [&](std::size_t index) { counts_.get()[index] += other.counts_.get()[index]; });
  for (std::size_t i = 0; i < words(); ++i) {
    // Reading is free, writing would touch the page.
    if (const std::uint64_t theirs = other.touched()[i]; theirs != 0) touched()[i] |= theirs;
  }
  count_ += other.count_;
  sum_ += other.sum_;
  sum_of_squares_ += other.sum_of_squares_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void Histogram::clear() {
  if (count_ == 0) return;
  for_each_touched([&](std::size_t index) { counts_.get()[index] = 0; });
  std::fill_n(touched(), words(), 0);
  count_ = 0;
  sum_ = 0;
  sum_of_squares_ = 0;
  min_ = std::numeric_limits<std::int64_t>::max();
  max_ = 0;
}

double Histogram::mean() const { return count_ > 0 ? sum_ / static_cast<double>(count_) : 0; }

double Histogram::stddev() const {
  if (count_ == 0) return 0;
  const double average = mean();
  const double variance = sum_of_squares_ / static_cast<double>(count_) - average * average;
  return variance > 0 ? std::sqrt(variance) : 0;
}

double Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100;
  constexpr double kRounding = 1 - 1e-12;  // 99.9 % of 1000 is 999, not a little more
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_) * kRounding)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < slots(); ++i) {
    seen += counts_.get()[i];
    if (seen >= wanted) return static_cast<double>(std::clamp(highest_at(i), min_, max_));
  }
  return max();
}

std::int64_t Histogram::highest_at(std::size_t index) {
  auto bucket = static_cast<int>(index >> kHalfMagnitude) - 1;
  auto sub_bucket = static_cast<std::int64_t>(index & static_cast<std::size_t>(kHalf - 1)) + kHalf;
  if (bucket < 0) {
    bucket = 0;
    sub_bucket -= kHalf;
  }
  const int shift = bucket + kUnitMagnitude;
  return ((sub_bucket + 1) << shift) - 1;
}

}  // namespace loadgen
