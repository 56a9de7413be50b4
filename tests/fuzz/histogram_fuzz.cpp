#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "fuzz.h"
#include "stats/histogram.h"

using namespace loadgen;

// Values of any size go to one of two histograms that are merged, and to a sorted list.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  std::array<Histogram, 2> parts;
  std::vector<std::int64_t> values;
  const double percent = input.ConsumeFloatingPointInRange(0.0, 100.0);
  while (input.remaining_bytes() > 0 && values.size() < 1000) {
    const bool second = input.ConsumeBool();
    const int magnitude = input.ConsumeIntegralInRange(0, 63);
    const std::int64_t value = input.ConsumeIntegral<std::int64_t>() >> magnitude;
    parts[second ? 1 : 0].record(std::chrono::nanoseconds(value));
    values.push_back(std::max<std::int64_t>(value, 0));
  }
  Histogram& all = parts[0];
  all.merge(parts[1]);
  require(all.count() == values.size(), "the count is exact");
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());

  require(all.min() == static_cast<double>(values.front()), "the lowest value is exact");
  require(all.max() == static_cast<double>(values.back()), "the highest value is exact");
  double sum = 0;
  for (const std::int64_t value : values) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(values.size());
  require(std::abs(all.mean() - mean) <= mean * 1e-9, "the mean is exact");

  const auto rank = static_cast<std::size_t>(
      std::ceil(percent / 100 * static_cast<double>(values.size()) * (1 - 1e-12)));
  const std::int64_t at_rank = values[std::max<std::size_t>(rank, 1) - 1];
  const auto wanted = static_cast<double>(std::min(at_rank, Histogram::kHighest));
  const double found = all.percentile(percent);
  require(found >= wanted || found == all.max(), "a percentile is not too low");
  require(found <= wanted * 1.001 + 64 || at_rank > Histogram::kHighest,
          "a percentile has three significant digits");
  return 0;
}
