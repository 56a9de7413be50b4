#include "stats/series.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "report/series_json.h"
#include "support/fates.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

// Each field is another number, and all of them differ between two values of n.
SeriesSample sample(std::uint64_t n) {
  SeriesSample sample;
  std::uint64_t field = 100 * n;
  sample.begin = (n - 1) * 1s;
  sample.end = n * 1s;
  sample.scheduled = ++field;
  sample.skipped = ++field;
  sample.produced = ++field;
  for (const Fate fate : kAllFates) sample.ends[fate] = ++field;
  sample.cpu_s = static_cast<double>(++field);
  sample.parts = {static_cast<double>(++field), static_cast<double>(++field),
                  static_cast<double>(++field), static_cast<double>(++field)};
  Histogram response;
  response.record(nanoseconds(1'000'000 * n), 99);
  response.record(nanoseconds(50'000'000 * n));
  sample.response = {.p50 = response.percentile(50),
                     .p99 = response.percentile(99),
                     .max = response.max(),
                     .histogram = CoarseHistogram(response)};
  sample.queue_depth = ++field;
  sample.in_flight = ++field;
  sample.rate_wanted = static_cast<double>(++field);
  sample.producers = static_cast<std::uint32_t>(++field);
  sample.consumers = static_cast<std::uint32_t>(++field);
  return sample;
}

}  // namespace

TEST_CASE("series: two samples become one field by field") {
  SeriesSample sum = sample(1);
  const SeriesSample one = sample(1);
  const SeriesSample two = sample(2);
  sum.append(two);
  CHECK(sum.begin == 0s);
  CHECK(sum.end == 2s);
  CHECK(sum.scheduled == one.scheduled + two.scheduled);
  CHECK(sum.skipped == one.skipped + two.skipped);
  CHECK(sum.produced == one.produced + two.produced);
  for (const Fate fate : kAllFates) CHECK(sum.ends[fate] == one.ends[fate] + two.ends[fate]);
  CHECK(sum.cpu_s == one.cpu_s + two.cpu_s);
  CHECK(sum.parts.schedule_lag == one.parts.schedule_lag + two.parts.schedule_lag);
  CHECK(sum.parts.queue_wait == one.parts.queue_wait + two.parts.queue_wait);
  CHECK(sum.parts.batch_wait == one.parts.batch_wait + two.parts.batch_wait);
  CHECK(sum.parts.write == one.parts.write + two.parts.write);
  CHECK(sum.response.max == two.response.max);
  CHECK(sum.response.p50 == doctest::Approx(2e6).epsilon(0.04));
  CHECK(sum.response.p99 == doctest::Approx(2e6).epsilon(0.04));
  CHECK(sum.queue_depth == two.queue_depth);
  CHECK(sum.in_flight == two.in_flight);
  CHECK(sum.rate_wanted == two.rate_wanted);
  CHECK(sum.producers == two.producers);
  CHECK(sum.consumers == two.consumers);
}

TEST_CASE("series: a week of seconds keeps at most 10,000 samples, and their totals") {
  constexpr std::uint64_t kWeek = 7 * 86'400;
  Series series;
  Tally ends;
  std::uint64_t produced = 0;
  for (std::uint64_t n = 1; n <= kWeek; ++n) {
    SeriesSample next;
    next.begin = (n - 1) * 1s;
    next.end = n * 1s;
    next.produced = n;
    next.ends[Fate::kStored] = n % 7;
    produced += next.produced;
    ends += next.ends;
    series.add(next);
    REQUIRE(series.samples().size() <= Series::kMost);
  }
  CHECK(series.samples().size() > Series::kMost / 4);
  nanoseconds end{0};
  for (const SeriesSample& part : series.samples()) {
    REQUIRE(part.begin == end);
    end = part.end;
    if (&part != &series.samples().back()) REQUIRE(part.end - part.begin == series.interval());
    produced -= part.produced;
    ends -= part.ends;
  }
  CHECK(end == kWeek * 1s);
  CHECK(produced == 0);
  CHECK(ends == Tally());
}

TEST_CASE("series: any number of samples and any bound keep order and totals") {
  for (std::size_t most = 1; most <= 9; ++most) {
    Series series(1s, most);
    for (std::uint64_t n = 1; n <= 100; ++n) {
      SeriesSample next;
      next.begin = (n - 1) * 1s;
      next.end = n * 1s;
      next.produced = n;
      series.add(next);
      nanoseconds end{0};
      std::uint64_t produced = 0;
      for (const SeriesSample& part : series.samples()) {
        REQUIRE(part.begin == end);
        end = part.end;
        produced += part.produced;
      }
      REQUIRE(series.samples().size() <= most);
      REQUIRE(end == n * 1s);
      REQUIRE(produced == n * (n + 1) / 2);
    }
  }
}

TEST_CASE("series: percentiles of coarse histograms are off by 4 % at most") {
  std::mt19937_64 random(3);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in each run
  Histogram fine;
  CoarseHistogram coarse;
  for (int part = 0; part < 20; ++part) {
    Histogram some;
    for (int i = 0; i < 1'000; ++i) {
      some.record(nanoseconds(1'000 + static_cast<std::int64_t>(random() % (1ULL << (10 + part)))));
    }
    fine.merge(some);
    coarse.merge(CoarseHistogram(some));
  }
  for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9}) {
    CAPTURE(percent);
    CHECK(coarse.percentile(percent) >= fine.percentile(percent) * 0.999);
    CHECK(coarse.percentile(percent) <= fine.percentile(percent) * 1.04);
  }
  CHECK(CoarseHistogram().percentile(50) == 0);
}

TEST_CASE("series: as CSV, it has a column for each key and a line for each sample") {
  Series series;
  series.add(sample(1));
  SeriesSample idle;
  idle.begin = 1s;
  idle.end = 2s;
  series.add(idle);
  CHECK(series_csv(series) ==
        "t_s,scheduled,produced,stored,skipped,dropped,failed,queue_depth,in_flight,rate_wanted,"
        "response_us_p50,response_us_p99,response_us_max,parts_mean_us_schedule_lag,"
        "parts_mean_us_queue_wait,parts_mean_us_batch_wait,parts_mean_us_write,cpu_cores,"
        "producers,consumers\n"
        "1.0,101,103,104,102,106,322,115,116,117.0,1000.447,1000.447,50000.0,0.001,0.001,0.001,"
        "0.001,110.0,118,119\n"
        "2.0,0,0,0,0,0,0,0,0,,,,,,,,,0.0,0,0\n");
}
