#include "stats/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

using Values = std::vector<std::int64_t>;

// In hundredths of a percent, so that ranks can be told in whole numbers.
constexpr std::uint64_t kPercentiles[] = {0,     1,     100,   1'000, 2'500, 5'000, 7'500,
                                          9'000, 9'500, 9'900, 9'990, 9'999, 10'000};

double percentile(const Histogram& histogram, std::uint64_t hundredths) {
  return histogram.percentile(static_cast<double>(hundredths) / 100);
}

Histogram histogram_of(const Values& values) {
  Histogram histogram;
  for (const std::int64_t value : values) histogram.record(nanoseconds(value));
  return histogram;
}

// Compares every field with what the values themselves say.
void check_against(const Histogram& histogram, Values values) {
  std::sort(values.begin(), values.end());
  REQUIRE(histogram.count() == values.size());
  CHECK(histogram.min() == static_cast<double>(values.front()));
  CHECK(histogram.max() == static_cast<double>(values.back()));
  long double sum = 0;
  for (const std::int64_t value : values) sum += static_cast<long double>(value);
  const long double mean = sum / static_cast<long double>(values.size());
  long double squares = 0;
  for (const std::int64_t value : values) {
    squares += (static_cast<long double>(value) - mean) * (static_cast<long double>(value) - mean);
  }
  const long double stddev = std::sqrt(squares / static_cast<long double>(values.size()));
  CHECK(histogram.mean() == doctest::Approx(static_cast<double>(mean)).epsilon(1e-9));
  CHECK(histogram.stddev() == doctest::Approx(static_cast<double>(stddev)).epsilon(1e-6));
  for (const std::uint64_t hundredths : kPercentiles) {
    const std::uint64_t rank =
        std::max<std::uint64_t>(1, (hundredths * values.size() + 9'999) / 10'000);
    const auto exact = static_cast<double>(values[rank - 1]);
    const double shown = percentile(histogram, hundredths);
    CAPTURE(hundredths);
    CHECK(shown >= exact);
    CHECK(shown <= exact + std::max(64.0, exact * 0.001));
  }
}

Values random_values(std::mt19937_64& random, std::size_t count, double log10_median) {
  std::lognormal_distribution<double> latency(log10_median * std::log(10.0), 1.5);
  Values values;
  while (values.size() < count) {
    const double value = latency(random);
    if (value < 3.5e12) values.push_back(static_cast<std::int64_t>(value));
  }
  return values;
}

void check_same(const Histogram& a, const Histogram& b) {
  CHECK(a.count() == b.count());
  CHECK(a.min() == b.min());
  CHECK(a.max() == b.max());
  CHECK(a.mean() == doctest::Approx(b.mean()).epsilon(1e-12));
  CHECK(a.stddev() == doctest::Approx(b.stddev()).epsilon(1e-9));
  for (const std::uint64_t hundredths : kPercentiles) {
    CAPTURE(hundredths);
    CHECK(percentile(a, hundredths) == percentile(b, hundredths));
  }
}

}  // namespace

TEST_CASE("histogram: an empty one is all zeros") {
  const Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.min() == 0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.mean() == 0);
  CHECK(histogram.stddev() == 0);
  for (const std::uint64_t hundredths : kPercentiles) CHECK(percentile(histogram, hundredths) == 0);
}

TEST_CASE("histogram: one value is every percentile, exactly") {
  for (const nanoseconds value : {0ns, 1ns, 63ns, 64ns, 100ns, 131'071ns, 131'072ns, 1'234'567ns,
                                  nanoseconds(1s), nanoseconds(59min), nanoseconds(1h)}) {
    Histogram histogram;
    histogram.record(value);
    CAPTURE(value.count());
    const auto exact = static_cast<double>(value.count());
    CHECK(histogram.count() == 1);
    CHECK(histogram.min() == exact);
    CHECK(histogram.max() == exact);
    CHECK(histogram.mean() == exact);
    CHECK(histogram.stddev() == 0);
    for (const std::uint64_t hundredths : kPercentiles) {
      CHECK(percentile(histogram, hundredths) == exact);
    }
  }
}

TEST_CASE("histogram: percentiles are within 0.1 % of the sorted values") {
  std::mt19937_64 random(20'240'229);
  for (const double log10_median : {2.5, 4.0, 5.5, 7.0, 9.0, 11.0}) {
    for (const std::size_t count :
         {std::size_t{1}, std::size_t{2}, std::size_t{99}, std::size_t{100}, std::size_t{1'000},
          std::size_t{9'999}, std::size_t{50'000}}) {
      CAPTURE(log10_median);
      CAPTURE(count);
      const Values values = random_values(random, count, log10_median);
      check_against(histogram_of(values), values);
    }
  }
}

TEST_CASE("histogram: percentiles hold on both sides of every power of two") {
  Values values;
  for (std::int64_t power = 1; power < 3'600'000'000'000; power *= 2) {
    values.insert(values.end(), {power - 1, power, power + 1});
  }
  check_against(histogram_of(values), values);
  for (const std::int64_t value : values) {
    Histogram histogram;
    histogram.record(nanoseconds(value));
    histogram.record(1h);  // keeps the maximum from correcting the percentile
    CAPTURE(value);
    CHECK(histogram.percentile(50) >= static_cast<double>(value));
    CHECK(histogram.percentile(50) <=
          static_cast<double>(value) + std::max(64.0, static_cast<double>(value) * 0.001));
  }
}

TEST_CASE("histogram: a percentile ends exactly where its share of the values ends") {
  // 99.9 % of the values are small: p99.9 is the last of these, whatever rounding says.
  for (std::uint64_t thousandth = 1; thousandth <= 1'000'000'000; thousandth *= 10) {
    Histogram histogram;
    histogram.record(1us, 999 * thousandth);
    histogram.record(1s, thousandth);
    CAPTURE(thousandth);
    CHECK(histogram.percentile(99.9) < 1'100);
    CHECK(histogram.percentile(99.91) >= 1e9);
  }
  Histogram halves;
  halves.record(1us);
  halves.record(1s);
  CHECK(halves.percentile(50) < 1'100);
  CHECK(halves.percentile(50.1) == 1e9);
}

TEST_CASE("histogram: percentiles rise, stay between min and max, and take any percent") {
  std::mt19937_64 random(5);
  const Histogram histogram = histogram_of(random_values(random, 10'000, 6));
  double last = histogram.min();
  for (double percent = 0; percent <= 100; percent += 0.25) {
    const double value = histogram.percentile(percent);
    CHECK(value >= last);
    CHECK(value <= histogram.max());
    last = value;
  }
  CHECK(histogram.percentile(100) == histogram.max());
  CHECK(histogram.percentile(-5) == histogram.percentile(0));
  CHECK(histogram.percentile(1e9) == histogram.max());
}

TEST_CASE("histogram: negative values count as zero") {
  Histogram histogram;
  histogram.record(-1ns);
  histogram.record(nanoseconds::min(), 2);
  CHECK(histogram.count() == 3);
  CHECK(histogram.min() == 0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.mean() == 0);
  CHECK(histogram.percentile(50) == 0);
}

TEST_CASE("histogram: above one hour percentiles say an hour, the rest stays exact") {
  Histogram histogram;
  histogram.record(1s);
  histogram.record(2h);
  histogram.record(4h);
  CHECK(histogram.count() == 3);
  CHECK(histogram.max() == 4 * 3.6e12);
  CHECK(histogram.mean() == doctest::Approx((1e9 + 6 * 3.6e12) / 3).epsilon(1e-12));
  CHECK(histogram.percentile(50) == doctest::Approx(3.6e12).epsilon(0.001));
  CHECK(histogram.percentile(100) == doctest::Approx(3.6e12).epsilon(0.001));
  Histogram longest;
  longest.record(nanoseconds::max());
  CHECK(longest.max() == static_cast<double>(nanoseconds::max().count()));
}

TEST_CASE("histogram: the minimum is exact when all values are above one hour") {
  Histogram histogram;
  histogram.record(2h);
  histogram.record(3h);
  CHECK(histogram.min() == 2 * 3.6e12);
  CHECK(histogram.max() == 3 * 3.6e12);
}

TEST_CASE("histogram: a value recorded n times is n equal values") {
  std::mt19937_64 random(11);
  Histogram at_once;
  Histogram one_by_one;
  for (int i = 0; i < 300; ++i) {
    const nanoseconds value(static_cast<std::int64_t>(random() % 10'000'000'000));
    const std::uint64_t times = 1 + random() % 40;
    at_once.record(value, times);
    for (std::uint64_t k = 0; k < times; ++k) one_by_one.record(value);
  }
  check_same(at_once, one_by_one);
}

TEST_CASE("histogram: equal values have next to no standard deviation") {
  for (const nanoseconds value : {nanoseconds(123'457ns), nanoseconds(1'234'567'891ns)}) {
    Histogram histogram;
    for (int i = 0; i < 100'000; ++i) histogram.record(value);
    CHECK(histogram.stddev() <= 1e-6 * histogram.mean());
  }
}

TEST_CASE("histogram: a value recorded no times leaves no trace") {
  Histogram histogram;
  histogram.record(5s, 0);
  histogram.record(1s);
  histogram.record(1ms, 0);
  CHECK(histogram.count() == 1);
  CHECK(histogram.min() == 1e9);
  CHECK(histogram.max() == 1e9);
}

TEST_CASE("histogram: merging two different ones is recording both in one") {
  std::mt19937_64 random(3);
  const Values small = random_values(random, 30'000, 5);
  const Values large = random_values(random, 10'000, 6);  // overlapping
  Values both = small;
  both.insert(both.end(), large.begin(), large.end());
  {
    Histogram merged = histogram_of(small);
    merged.merge(histogram_of(large));
    check_against(merged, both);
    check_same(merged, histogram_of(both));
  }
  {
    Histogram merged = histogram_of(large);
    merged.merge(histogram_of(small));
    check_against(merged, both);
  }
}

TEST_CASE("histogram: merging adds up each field") {
  Histogram a;
  a.record(10us, 3);
  a.record(20us);
  Histogram b;
  b.record(5us, 2);
  b.record(10us);
  b.record(40us, 3);
  a.merge(b);
  CHECK(a.count() == 10);
  CHECK(a.min() == 5'000);
  CHECK(a.max() == 40'000);
  CHECK(a.mean() == doctest::Approx(19'000));
  CHECK(a.stddev() == doctest::Approx(std::sqrt(204e6)));  // of 2 x 5, 4 x 10, 20 and 3 x 40 us
  CHECK(a.percentile(20) == doctest::Approx(5'000).epsilon(0.013));
  CHECK(a.percentile(60) == doctest::Approx(10'000).epsilon(0.0065));
  CHECK(a.percentile(70) == doctest::Approx(20'000).epsilon(0.0033));
  CHECK(a.percentile(71) == doctest::Approx(40'000).epsilon(0.0017));
  CHECK(b.count() == 6);  // unchanged
}

TEST_CASE("histogram: merging with an empty one changes nothing, either way") {
  std::mt19937_64 random(4);
  const Values values = random_values(random, 500, 6);
  const Histogram plain = histogram_of(values);
  Histogram left = histogram_of(values);
  left.merge(Histogram());
  check_same(left, plain);
  Histogram right;
  right.merge(plain);
  check_same(right, plain);
}

TEST_CASE("histogram: one that was cleared is as good as new") {
  Histogram used;
  for (const nanoseconds value :
       {nanoseconds(0), nanoseconds(99us), nanoseconds(1h), nanoseconds(2h)}) {
    used.record(value, 3);
  }
  used.clear();
  CHECK(used.count() == 0);
  CHECK(used.percentile(100) == 0);
  used.record(5ms, 2);
  Histogram fresh;
  fresh.record(5ms, 2);
  for (const double percent : {0.1, 50.0, 100.0}) {
    CHECK(used.percentile(percent) == fresh.percentile(percent));
  }
  CHECK(used.min() == fresh.min());
  CHECK(used.max() == fresh.max());
  CHECK(used.mean() == fresh.mean());
  CHECK(used.stddev() == fresh.stddev());
}
