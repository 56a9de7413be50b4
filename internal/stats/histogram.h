// A high dynamic range histogram of durations: constant memory, three significant digits over the
// whole range, exact count, sum and maximum. The layout is HdrHistogram's (Gil Tene,
// https://hdrhistogram.org), so standard tools can read exported data. Not thread-safe. record()
// does not allocate.
#pragma once

#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>

namespace loadgen {

class Histogram {
 public:
  // Values are distinguished down to 64 ns and tracked up to one hour; longer ones count as one
  // hour in percentiles, while max and mean stay exact.
  static constexpr std::int64_t kLowest = 100;
  static constexpr std::int64_t kHighest = 3'600'000'000'000;
  static constexpr int kDigits = 3;

  Histogram();

  // Records `count` equal values; negative ones count as zero.
  void record(std::chrono::nanoseconds value, std::uint64_t count = 1) {
    if (count == 0) return;
    const std::int64_t v = value.count() > 0 ? value.count() : 0;
    const std::size_t index = index_of(v < kHighest ? v : kHighest);
    counts_.get()[index] += count;
    touched()[index / kWordBits] |= std::uint64_t{1} << index % kWordBits;
    count_ += count;
    const auto real = static_cast<double>(v);
    const auto times = static_cast<double>(count);
    sum_ += real * times;
    sum_of_squares_ += real * real * times;
    if (v > max_) max_ = v;
    if (v < min_) min_ = v;
  }

  // The time for both depends on the slots in use, not on the range.
  void merge(const Histogram& other);
  void clear();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // Calls visit(highest value of the slot in nanoseconds, count) for each slot that is not empty,
  // in ascending order.
  template <typename Visit>
  void for_each_slot(Visit visit) const {
    for_each_touched([&](std::size_t index) { visit(highest_at(index), counts_.get()[index]); });
  }
  // All in nanoseconds; 0 when empty.
  [[nodiscard]] double min() const { return count_ > 0 ? static_cast<double>(min_) : 0; }
  [[nodiscard]] double max() const { return static_cast<double>(max_); }
  [[nodiscard]] double mean() const;
  [[nodiscard]] double stddev() const;  // of the population
  // The value that `percent` of all values do not exceed: the highest value its bucket stands for,
  // and never above max().
  [[nodiscard]] double percentile(double percent) const;

  // The layout, in HdrHistogram's terms. Each bucket doubles the range of the one before and has
  // kSubBuckets slots, the lower half of which is covered by its predecessor.
  static constexpr int kUnitMagnitude = 6;        // floor(log2(kLowest))
  static constexpr int kSubBucketMagnitude = 11;  // ceil(log2(2 * 10^kDigits))
  static constexpr int kHalfMagnitude = kSubBucketMagnitude - 1;
  static constexpr std::int64_t kSubBuckets = 1LL << kSubBucketMagnitude;
  static constexpr std::int64_t kHalf = kSubBuckets / 2;
  static constexpr std::uint64_t kMask = static_cast<std::uint64_t>(kSubBuckets - 1)
                                         << kUnitMagnitude;

  static constexpr std::size_t index_of(std::int64_t value) {
    const auto v = static_cast<std::uint64_t>(value);
    const int bucket =
        static_cast<int>(std::bit_width(v | kMask)) - kUnitMagnitude - (kHalfMagnitude + 1);
    const auto sub_bucket = static_cast<std::int64_t>(v >> (bucket + kUnitMagnitude));
    return static_cast<std::size_t>((static_cast<std::int64_t>(bucket + 1) << kHalfMagnitude) +
                                    sub_bucket - kHalf);
  }
  // The highest value that shares an index. The next index begins at the next value.
  static std::int64_t highest_at(std::size_t index);

 private:
  static constexpr std::size_t kWordBits = 64;
  static constexpr std::size_t slots() { return index_of(kHighest) + 1; }
  static constexpr std::size_t words() { return (slots() + kWordBits - 1) / kWordBits; }

  // A bit for each slot that is not 0, behind the slots.
  [[nodiscard]] std::uint64_t* touched() const { return counts_.get() + slots(); }
  template <typename Visit>
  void for_each_touched(Visit visit) const {
    for (std::size_t word = 0; word < words(); ++word) {
      for (std::uint64_t rest = touched()[word]; rest != 0; rest &= rest - 1) {
        visit(word * kWordBits + static_cast<std::size_t>(std::countr_zero(rest)));
      }
    }
  }

  struct Free {
    void operator()(std::uint64_t* memory) const { std::free(memory); }
  };

  // From calloc: pages without values are never touched, which keeps hundreds of histograms small.
  std::unique_ptr<std::uint64_t, Free> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double sum_of_squares_ = 0;
  std::int64_t min_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_ = 0;
};

}  // namespace loadgen
