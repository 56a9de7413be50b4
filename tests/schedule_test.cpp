#include "plan/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>

using namespace loadgen;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

constexpr nanoseconds kDay = 24h;
constexpr nanoseconds kYear = 365 * kDay;

constexpr double kRates[] = {0.000001, 0.001, 0.1,         0.3,   0.7,       1,   1.5,
                             3,        7,     60,          99.9,  333.3,     500, 999.999,
                             1e3,      10e3,  12345.678,   100e3, 333'333.3, 1e6, 1.5e6,
                             3e6,      7e8,   999'999'999, 1e9};

// How many messages of a rate a test looks at: those of 10 days, at most 100 G, at least one.
std::uint64_t span_of(double rate) {
  return static_cast<std::uint64_t>(std::clamp(rate * 864'000, 1.0, 1e11));
}

// The first 500 messages, then any.
std::uint64_t pick(std::uint64_t i, double rate, std::mt19937_64& random) {
  return (i < 500 ? i : random()) % span_of(rate);
}

// due_by() counts exactly the messages whose offset is not later.
void check_inverse(const EvenArrival& arrival, nanoseconds elapsed) {
  const std::uint64_t due = arrival.due_by(elapsed);
  const bool last_is_due = due == 0 || arrival.offset(due - 1) <= elapsed;
  const bool next_is_not = arrival.offset(due) > elapsed;
  if (last_is_due && next_is_not) return;
  CAPTURE(arrival.per_second);
  CAPTURE(elapsed.count());
  CAPTURE(due);
  CHECK(last_is_due);
  CHECK(next_is_not);
}

std::uint64_t size_of(double rate, nanoseconds duration) {
  return Schedule(EvenArrival{rate}, duration, std::nullopt).size();
}

}  // namespace

TEST_CASE("schedule: the first message is due at once, the others evenly after it") {
  const EvenArrival arrival{500};
  CHECK(arrival.offset(0) == 0ns);
  CHECK(arrival.offset(1) == 2ms);
  CHECK(arrival.offset(500) == 1s);
  CHECK(arrival.offset(500 * 86'400ULL) == kDay);
  CHECK(EvenArrival{0.1}.offset(1) == 10s);
  CHECK(EvenArrival{3}.offset(1) == 333'333'333ns);
  CHECK(EvenArrival{3}.offset(2) == 666'666'667ns);
  CHECK(EvenArrival{3}.offset(3) == 1s);
  CHECK(EvenArrival{1e9}.offset(12'345) == 12'345ns);
}

TEST_CASE("schedule: no message is a nanosecond away from n / rate, however late in the run") {
  std::mt19937_64 random(1);
  for (const double rate : kRates) {
    const EvenArrival arrival{rate};
    for (std::uint64_t i = 0; i < 2'000; ++i) {
      const std::uint64_t n = pick(i, rate, random);
      // 64 bits of mantissa: exact to a thousandth of a nanosecond over ten days.
      const long double exact = static_cast<long double>(n) * 1e9L / static_cast<long double>(rate);
      const auto offset = static_cast<long double>(arrival.offset(n).count());
      if (std::abs(offset - exact) <= 1) continue;
      CAPTURE(rate);
      CAPTURE(n);
      CHECK(offset == doctest::Approx(static_cast<double>(exact)).epsilon(0));
    }
  }
}

TEST_CASE("schedule: whole seconds are met exactly for a year") {
  for (const double rate : {1.0, 3.0, 7.0, 500.0, 10e3, 100e3, 1e6}) {
    CAPTURE(rate);
    for (const std::uint64_t second : {1ULL, 10ULL, 59ULL, 3'600ULL, 86'400ULL, 31'536'000ULL}) {
      const auto n = static_cast<std::uint64_t>(rate) * second;
      CHECK(EvenArrival{rate}.offset(n) == std::chrono::seconds(second));
    }
  }
}

TEST_CASE("schedule: later messages are never due earlier") {
  for (const double rate : kRates) {
    const EvenArrival arrival{rate};
    for (const std::uint64_t from : {std::uint64_t{0}, span_of(rate)}) {
      for (std::uint64_t n = from; n < from + 2'000; ++n) {
        if (arrival.offset(n) > arrival.offset(n + 1)) FAIL_CHECK(rate << " " << n);
      }
    }
  }
}

TEST_CASE("schedule: due_by is the exact inverse of offset at every rate") {
  std::mt19937_64 random(2);
  for (const double rate : kRates) {
    const EvenArrival arrival{rate};
    for (std::uint64_t i = 0; i < 2'000; ++i) {
      const std::uint64_t n = pick(i, rate, random);
      const nanoseconds due = arrival.offset(n);
      check_inverse(arrival, due);
      check_inverse(arrival, due - 1ns);
      check_inverse(arrival, due + 1ns);
      const auto year = static_cast<std::uint64_t>(kYear.count());
      check_inverse(arrival, nanoseconds(static_cast<std::int64_t>(random() % year)));
      CHECK(arrival.due_by(due) >= n + 1);
      if (n > 0) CHECK(arrival.due_by(due - 1ns) <= n);
    }
  }
}

TEST_CASE("schedule: nothing is due before the start, one message at it") {
  for (const double rate : kRates) {
    CAPTURE(rate);
    CHECK(EvenArrival{rate}.due_by(-1ns) == 0);
    CHECK(EvenArrival{rate}.due_by(-kYear) == 0);
    CHECK(EvenArrival{rate}.due_by(0ns) == 1);
  }
}

TEST_CASE("schedule: rate times duration messages, not one more or less") {
  struct Case {
    double rate;
    nanoseconds duration;
    std::uint64_t size;
  };
  const Case cases[] = {
      {1, 10s, 10},
      {500, 10s, 5'000},
      {10e3, 10s, 100'000},
      {100e3, 10s, 1'000'000},
      {1e6, 10s, 10'000'000},
      {0.1, 10s, 1},
      {0.1, 30s, 3},
      {0.3, 10s, 3},
      {0.3, 100s, 30},
      {3, 1s, 3},
      {3, 10s, 30},
      {333.3, 10s, 3'333},
      {333.3, 100s, 33'330},
      {0.7, 10s, 7},
      {7, 1s, 7},
      {1e9, 1s, 1'000'000'000},
      {999'999'999, 1s, 999'999'999},
      {500, kDay, 43'200'000},
      {333.3, kDay, 28'797'120},
      {500, kYear, 15'768'000'000},
      {1e6, kYear, 31'536'000'000'000},
      {12'345.678, 1'000s, 12'345'678},
      // Where rate times duration is no whole number, the message that was begun counts.
      {500, 1ns, 1},
      {500, 2ms, 1},
      {500, 2ms + 1ns, 2},
      {0.1, 1s, 1},
      {0.1, 10s + 1ns, 2},
      {333.3, 1s, 334},
      {1.5, 1s, 2},
      {3, 1500ms, 5},
  };
  for (const Case& c : cases) {
    CAPTURE(c.rate);
    CAPTURE(c.duration.count());
    CHECK(size_of(c.rate, c.duration) == c.size);
  }
}

TEST_CASE("schedule: every message of a duration is due before its end") {
  for (const double rate : kRates) {
    for (const nanoseconds duration : {nanoseconds(1ns), nanoseconds(1s), nanoseconds(10s), kDay}) {
      CAPTURE(rate);
      CAPTURE(duration.count());
      const Schedule schedule(EvenArrival{rate}, duration, std::nullopt);
      REQUIRE(schedule.size() >= 1);
      CHECK(schedule.offset(schedule.size() - 1) < duration);
      CHECK(schedule.offset(schedule.size()) >= duration);
      CHECK(schedule.end() == duration);
    }
  }
}

TEST_CASE("schedule: whichever of count and duration comes first ends it") {
  const auto schedule = [](nanoseconds duration, std::optional<std::uint64_t> count) {
    return Schedule(EvenArrival{500}, duration, count);
  };
  CHECK(schedule(10s, 100).size() == 100);
  CHECK(schedule(10s, 100).end() == 198ms);  // when the last one is due
  CHECK(schedule(10s, 4'999).size() == 4'999);
  CHECK(schedule(10s, 5'000).size() == 5'000);
  CHECK(schedule(10s, 5'001).size() == 5'000);
  CHECK(schedule(10s, 5'001).end() == 10s);
  CHECK(schedule(10s, 1).end() == 0s);
  CHECK(schedule(0s, 1'000).size() == 1'000);
  CHECK(schedule(0s, 1'000).end() == 1'998ms);
  CHECK(schedule(0s, std::nullopt).size() == Schedule::kUnbounded);
  CHECK(schedule(0s, std::nullopt).end() == std::nullopt);
}

TEST_CASE("schedule: no more is due than the schedule has") {
  const Schedule by_duration(EvenArrival{500}, 10s, std::nullopt);
  CHECK(by_duration.due_by(1s) == 501);
  CHECK(by_duration.due_by(9'998ms) == 5'000);
  CHECK(by_duration.due_by(10s) == 5'000);
  CHECK(by_duration.due_by(kYear) == 5'000);
  const Schedule by_count(EvenArrival{500}, 10s, 7);
  CHECK(by_count.due_by(11ms) == 6);
  CHECK(by_count.due_by(1s) == 7);
  const Schedule endless(EvenArrival{500}, 0s, std::nullopt);
  CHECK(endless.due_by(kYear) == 500 * 31'536'000ULL + 1);
}

TEST_CASE("schedule: unpaced, only the count bounds the messages and the duration the time") {
  const Schedule both(UnpacedArrival{}, 10s, 100);
  CHECK_FALSE(both.paced());
  CHECK(both.size() == 100);
  CHECK(both.end() == 10s);
  CHECK_FALSE(both.expired(0s));
  CHECK_FALSE(both.expired(10s - 1ns));
  CHECK(both.expired(10s));
  const Schedule by_time(UnpacedArrival{}, 10s, std::nullopt);
  CHECK(by_time.size() == Schedule::kUnbounded);
  CHECK(by_time.expired(11s));
  const Schedule endless(UnpacedArrival{}, 0s, std::nullopt);
  CHECK(endless.end() == std::nullopt);
  CHECK_FALSE(endless.expired(kYear));
}

TEST_CASE("schedule: a paced one does not expire, it runs out of messages") {
  const Schedule schedule(EvenArrival{500}, 10s, std::nullopt);
  CHECK(schedule.paced());
  CHECK_FALSE(schedule.expired(kYear));
}

TEST_CASE("schedule: the slowest rate there is, one message in eleven days") {
  const EvenArrival arrival{1e-6};
  CHECK(arrival.offset(1) == 1'000'000s);
  CHECK(arrival.due_by(kYear) == 32);
  CHECK(size_of(1e-6, kYear) == 32);
}

TEST_CASE("schedule: an end too far away for nanoseconds is far away, not in the past") {
  // 10^15 is the highest --count: 31 million years at one a second.
  for (const double rate : {1e-6, 0.1, 1.0, 10.0, 500.0}) {
    CAPTURE(rate);
    const Schedule schedule(EvenArrival{rate}, 0s, 1'000'000'000'000'000);
    CHECK(schedule.size() == 1'000'000'000'000'000);
    if (schedule.end()) CHECK(*schedule.end() > 10 * kYear);
    CHECK(schedule.due_by(1s) == Schedule(EvenArrival{rate}, 0s, std::nullopt).due_by(1s));
  }
}
