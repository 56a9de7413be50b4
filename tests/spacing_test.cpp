#include "plan/spacing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "plan/schedule.h"

using namespace loadgen;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

constexpr std::uint64_t kMessages = 1'000'000;
constexpr std::array<std::uint64_t, 3> kSeeds{1, 42, 4'711};

std::vector<double> points(const Spacing& spacing, std::uint64_t count) {
  std::vector<double> all(count);
  for (std::uint64_t n = 0; n < count; ++n) all[n] = spacing.point_of(n);
  return all;
}

std::vector<double> distances(const std::vector<double>& points) {
  std::vector<double> all(points.size());
  std::adjacent_difference(points.begin(), points.end(), all.begin());
  return all;
}

// The statistic against `expected` in each bin.
double chi_square(const std::vector<std::uint64_t>& bins, double expected) {
  double sum = 0;
  for (const std::uint64_t count : bins) {
    const double difference = static_cast<double>(count) - expected;
    sum += difference * difference / expected;
  }
  return sum;
}

// The 99.9 % point of chi-square (Wilson and Hilferty, 1931).
double chi_square_limit(double degrees) {
  constexpr double kNormal = 3.09;
  const double part = 2 / (9 * degrees);
  return degrees * std::pow(1 - part + kNormal * std::sqrt(part), 3);
}

Schedule schedule(double rate, nanoseconds duration, std::uint64_t seed) {
  return {Profile::constant(rate).spaced(Spacing(Arrival::kPoisson, seed)), duration, std::nullopt};
}

}  // namespace

TEST_CASE("spacing: Poisson distances are exponential, by chi-square over a million messages") {
  constexpr std::size_t kBins = 100;  // equally likely
  for (const std::uint64_t seed : kSeeds) {
    std::vector<std::uint64_t> bins(kBins);
    for (const double distance : distances(points(Spacing(Arrival::kPoisson, seed), kMessages))) {
      const double share = 1 - std::exp(-distance);
      ++bins[std::min(kBins - 1, static_cast<std::size_t>(share * kBins))];
    }
    CAPTURE(seed);
    CHECK(chi_square(bins, static_cast<double>(kMessages) / kBins) < chi_square_limit(kBins - 1));
  }
}

TEST_CASE("spacing: Poisson distances are independent, by a runs test over a million messages") {
  for (const std::uint64_t seed : kSeeds) {
    const auto all = distances(points(Spacing(Arrival::kPoisson, seed), kMessages));
    // Runs above and below the median (Wald and Wolfowitz, 1940).
    const double median = std::log(2.0);
    double above = 0;
    double runs = 1;
    for (std::size_t i = 0; i < all.size(); ++i) {
      above += all[i] > median ? 1 : 0;
      if (i > 0) runs += (all[i] > median) != (all[i - 1] > median) ? 1 : 0;
    }
    const auto n = static_cast<double>(all.size());
    const double product = 2 * above * (n - above);
    const double mean = product / n + 1;
    const double variance = product * (product - n) / (n * n * (n - 1));
    CAPTURE(seed);
    CHECK(std::abs(runs - mean) < 3.3 * std::sqrt(variance));
  }
}

TEST_CASE("spacing: Poisson counts in equal stretches vary as much as their mean") {
  constexpr std::size_t kStretch = 20;
  std::vector<double> counts(kMessages / kStretch);
  for (const double point : points(Spacing(Arrival::kPoisson, 7), kMessages)) {
    counts[std::min(counts.size() - 1, static_cast<std::size_t>(point / kStretch))] += 1;
  }
  double squares = 0;
  for (const double count : counts) squares += (count - kStretch) * (count - kStretch);
  const double dispersion = squares / static_cast<double>(counts.size()) / kStretch;
  CHECK(dispersion > 0.97);
  CHECK(dispersion < 1.03);
}

TEST_CASE("spacing: points never fall, lie in their block, and can be had in any order") {
  const Spacing spacing(Arrival::kPoisson, 3);
  const std::vector<double> all = points(spacing, 5 * Spacing::kBlock);
  CHECK(std::is_sorted(all.begin(), all.end()));
  for (std::uint64_t n = 0; n < all.size(); n += Spacing::kBlock) {
    CHECK(all[n] > static_cast<double>(n));
    CHECK(all[n + Spacing::kBlock - 1] < static_cast<double>(n + Spacing::kBlock));
  }
  std::mt19937_64 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in each run
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t n = random() % all.size();
    CHECK(spacing.point_of(n) == all[n]);
    CHECK(spacing.count_by(all[n]) == n + 1);
    CHECK(spacing.count_by(std::nextafter(all[n], 0)) == n);
  }
  CHECK(Spacing(Arrival::kPoisson, 4).point_of(0) != all[0]);
}

TEST_CASE("spacing: even points are the numbers") {
  const Spacing even;
  CHECK(even.point_of(17) == 17);
  CHECK(even.count_by(17) == 18);
  CHECK(even.count_by(17.5) == 18);
  CHECK(even.count_by(0) == 1);
}

TEST_CASE("spacing: a Poisson run has exactly the total of an even one") {
  for (const double rate : {0.7, 500.0, 4'096.0, 10'000.0, 333'333.3}) {
    const Schedule even(Profile::constant(rate), 3s, std::nullopt);
    const Schedule poisson = schedule(rate, 3s, 9);
    CAPTURE(rate);
    REQUIRE(poisson.size() == even.size());
    CHECK(poisson.due_by(3s) == even.size());
    CHECK(poisson.offset(poisson.size() - 1) <= 3s);
    for (const nanoseconds when : {1ms, 700ms, 2'345ms}) {
      const std::uint64_t due = poisson.due_by(when);
      if (due > 0) CHECK(poisson.offset(due - 1) <= when);
      if (due < poisson.size()) CHECK(poisson.offset(due) > when);
    }
  }
}

TEST_CASE("spacing: a Poisson ramp has the total of its integral") {
  const std::array pieces{Profile::Piece{2s, 0, 1'000}, Profile::Piece{1s, 1'000, 200}};
  const Schedule ramp(Profile::of_pieces(pieces).spaced(Spacing(Arrival::kPoisson, 5)), 3s,
                      std::nullopt);
  CHECK(ramp.size() == 1'600);
  CHECK(ramp.due_by(3s) == 1'600);
  CHECK(ramp.due_by(2s) > 900);
  CHECK(ramp.due_by(2s) < 1'100);
}

TEST_CASE("spacing: a changed rate leaves what is due already as it was") {
  std::mt19937_64 random(2);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in each run
  for (int round = 0; round < 50; ++round) {
    Schedule before = schedule(5'000, 10s, random());
    for (int change = 0; change < 5; ++change) {
      const nanoseconds now(static_cast<std::int64_t>(random() % 9'000'000'000));
      const double rate = static_cast<double>(random() % 20'000);
      const Schedule after = before.changed_at(now, rate);
      const std::uint64_t due = before.due_by(now);
      REQUIRE(after.due_by(now) == due);
      for (std::uint64_t n = due > 50 ? due - 50 : 0; n < due; ++n) {
        REQUIRE(after.offset(n) == before.offset(n));
      }
      nanoseconds last{0};
      for (std::uint64_t n = due; n < std::min(due + 50, after.size()); ++n) {
        REQUIRE(after.offset(n) >= last);
        last = after.offset(n);
      }
      before = after;
    }
  }
}
