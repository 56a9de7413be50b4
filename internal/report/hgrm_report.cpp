#include "report/hgrm_report.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

namespace loadgen {
namespace {

constexpr double kNanosecondsPerMillisecond = 1e6;
constexpr double kStepsPerHalfDistance = 5;
constexpr std::size_t kBuckets =
    Histogram::index_of(Histogram::kHighest) >> Histogram::kHalfMagnitude;

double milliseconds(double value) { return value / kNanosecondsPerMillisecond; }

// The step is halved each time half of what was left up to 100 % has been covered.
double next_level(double percent) {
  const double halvings = std::floor(std::log2(100 / (100 - percent))) + 1;
  return percent + 100 / (kStepsPerHalfDistance * std::exp2(halvings));
}

struct Line {
  std::int64_t value;
  double percent;
  std::uint64_t total_count;  // of values up to this one
};

std::string text_of(const Line& line) {
  // Java rounds halves up, but most of them have no exact binary form.
  constexpr double kRounding = 1e-15;
  const double share = line.percent / 100;
  std::string text =
      fmt::format("{:12.3f} {:2.12f} {:10}", milliseconds(static_cast<double>(line.value)),
                  share + kRounding, line.total_count);
  if (line.percent < 100) text += fmt::format(" {:14.2f}", 1 / (1 - share));
  return text + '\n';
}

std::string lines_of(const Histogram& histogram) {
  const auto count = static_cast<double>(histogram.count());
  std::string text;
  Line line{.value = 0, .percent = 0, .total_count = 0};
  histogram.for_each_slot([&](std::int64_t highest, std::uint64_t in_slot) {
    line.value = highest;
    line.total_count += in_slot;
    const bool is_last = line.total_count == histogram.count();
    const double reached = 100.0 * static_cast<double>(line.total_count) / count;
    while (reached >= line.percent) {
      text += text_of(line);
      line.percent = next_level(line.percent);
      if (is_last) break;
    }
  });
  if (histogram.count() == 0) return text;
  line.percent = 100;
  return text + text_of(line);
}

// The value that stands for a slot in sums.
double middle_of_slot(std::int64_t highest) {
  const std::size_t index = Histogram::index_of(highest);
  const std::int64_t lowest = index == 0 ? 0 : Histogram::highest_at(index - 1) + 1;
  const std::int64_t half = (highest - lowest + 1) / 2;
  return static_cast<double>(lowest + half);
}

struct Moments {
  double mean = 0;
  double stddev = 0;
  double max = 0;
};

Moments moments_of(const Histogram& histogram) {
  if (histogram.count() == 0) return {};
  const auto count = static_cast<double>(histogram.count());
  double sum = 0;
  Moments moments;
  histogram.for_each_slot([&](std::int64_t highest, std::uint64_t in_slot) {
    sum += middle_of_slot(highest) * static_cast<double>(in_slot);
    moments.max = static_cast<double>(highest);
  });
  moments.mean = sum / count;
  double squares = 0;
  histogram.for_each_slot([&](std::int64_t highest, std::uint64_t in_slot) {
    const double deviation = middle_of_slot(highest) - moments.mean;
    squares += deviation * deviation * static_cast<double>(in_slot);
  });
  moments.stddev = std::sqrt(squares / count);
  return moments;
}

}  // namespace

std::string hgrm_report(const Histogram& histogram) {
  const Moments moments = moments_of(histogram);
  return fmt::format(
      "{:>12} {:>14} {:>10} {:>14}\n\n{}"
      "#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n"
      "#[Max     = {:12.3f}, Total count    = {:12}]\n"
      "#[Buckets = {:12}, SubBuckets     = {:12}]\n",
      "Value", "Percentile", "TotalCount", "1/(1-Percentile)", lines_of(histogram),
      milliseconds(moments.mean), milliseconds(moments.stddev), milliseconds(moments.max),
      histogram.count(), kBuckets, Histogram::kSubBuckets);
}

}  // namespace loadgen
