#include "plan/schedule.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <optional>

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

std::uint64_t size_of(double rate, nanoseconds duration) {
  return Schedule(Profile::constant(rate), duration, std::nullopt).size();
}

}  // namespace

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
      const Schedule schedule(Profile::constant(rate), duration, std::nullopt);
      REQUIRE(schedule.size() >= 1);
      CHECK(schedule.offset(schedule.size() - 1) < duration);
      CHECK(schedule.offset(schedule.size()) >= duration);
      CHECK(schedule.end() == duration);
    }
  }
}

TEST_CASE("schedule: whichever of count and duration comes first ends it") {
  const auto schedule = [](nanoseconds duration, std::optional<std::uint64_t> count) {
    return Schedule(Profile::constant(500), duration, count);
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
  const Schedule by_duration(Profile::constant(500), 10s, std::nullopt);
  CHECK(by_duration.due_by(1s) == 501);
  CHECK(by_duration.due_by(9'998ms) == 5'000);
  CHECK(by_duration.due_by(10s) == 5'000);
  CHECK(by_duration.due_by(kYear) == 5'000);
  const Schedule by_count(Profile::constant(500), 10s, 7);
  CHECK(by_count.due_by(11ms) == 6);
  CHECK(by_count.due_by(1s) == 7);
  const Schedule endless(Profile::constant(500), 0s, std::nullopt);
  CHECK(endless.due_by(kYear) == 500 * 31'536'000ULL + 1);
}

TEST_CASE("schedule: unpaced, only the count bounds the messages and the duration the time") {
  const Schedule both(std::nullopt, 10s, 100);
  CHECK_FALSE(both.paced());
  CHECK(both.size() == 100);
  CHECK(both.end() == 10s);
  CHECK_FALSE(both.expired(0s));
  CHECK_FALSE(both.expired(10s - 1ns));
  CHECK(both.expired(10s));
  const Schedule by_time(std::nullopt, 10s, std::nullopt);
  CHECK(by_time.size() == Schedule::kUnbounded);
  CHECK(by_time.expired(11s));
  const Schedule endless(std::nullopt, 0s, std::nullopt);
  CHECK(endless.end() == std::nullopt);
  CHECK_FALSE(endless.expired(kYear));
}

TEST_CASE("schedule: a paced one does not expire, it runs out of messages") {
  const Schedule schedule(Profile::constant(500), 10s, std::nullopt);
  CHECK(schedule.paced());
  CHECK_FALSE(schedule.expired(kYear));
}

TEST_CASE("schedule: an end too far away for nanoseconds is far away, not in the past") {
  // 10^15 is the highest --count: 31 million years at one a second.
  for (const double rate : {1e-6, 0.1, 1.0, 10.0, 500.0}) {
    CAPTURE(rate);
    const Schedule schedule(Profile::constant(rate), 0s, 1'000'000'000'000'000);
    CHECK(schedule.size() == 1'000'000'000'000'000);
    if (schedule.end()) CHECK(*schedule.end() > 10 * kYear);
    CHECK(schedule.due_by(1s) == Schedule(Profile::constant(rate), 0s, std::nullopt).due_by(1s));
  }
}

TEST_CASE("schedule: with another rate from an instant on, its size and its end follow") {
  const Schedule by_duration(Profile::constant(500), 10s, std::nullopt);
  const Schedule faster = by_duration.changed_at(5s - 1ns, 1'000);
  CHECK(faster.size() == 7'500);
  CHECK(faster.end() == 10s);
  CHECK(faster.offset(2'499) == 4'998ms);
  CHECK(faster.offset(2'600) == 5'100ms);
  const Schedule by_count(Profile::constant(500), 0s, 5'000);
  CHECK(by_count.changed_at(5s - 1ns, 1'000).size() == 5'000);
  CHECK(by_count.changed_at(5s - 1ns, 1'000).end() == 7'499ms);
  const Schedule both(Profile::constant(500), 10s, 5'000);
  CHECK(both.changed_at(5s - 1ns, 250).size() == 3'750);
  CHECK(both.changed_at(5s - 1ns, 250).end() == 10s);
  CHECK(both.changed_at(5s - 1ns, 250).changed_at(7s - 1ns, 1'000).size() == 5'000);
  // Paused for good, a count is never reached.
  CHECK(by_count.changed_at(5s - 1ns, 0).size() == 5'000);
  CHECK(by_count.changed_at(5s - 1ns, 0).due_by(kYear) == 2'500);
  CHECK(both.changed_at(5s - 1ns, 0).size() == 2'500);
}
