#include "base/clock.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "support/fake_clock.h"

using namespace loadgen;
using namespace std::chrono_literals;

TEST_CASE("clock: a sleep ends when its time comes, and says so") {
  FakeClock clock;
  const TimePoint when = clock.now() + 10ms;
  std::atomic<bool> came{false};
  std::jthread sleeper([&] { came = clock.sleep_until(when, {}); });
  clock.await_sleepers(1);
  clock.advance(9ms);
  CHECK_FALSE(came);
  clock.advance(1ms);
  sleeper.join();
  CHECK(came);
}

TEST_CASE("clock: a stop ends a sleep early, and it says so") {
  FakeClock clock;
  std::stop_source stop;
  std::atomic<bool> came{true};
  std::jthread sleeper([&] { came = clock.sleep_until(clock.now() + 1h, stop.get_token()); });
  clock.await_sleepers(1);
  stop.request_stop();
  sleeper.join();
  CHECK_FALSE(came);
}

TEST_CASE("clock: a sleep until a time that is past returns at once, unless stopped before") {
  FakeClock clock;
  CHECK(clock.sleep_until(clock.now(), {}));
  CHECK(clock.sleep_until(clock.now() - 1s, {}));
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(clock.sleep_until(clock.now() - 1s, stop.get_token()));
}

TEST_CASE("clock: the steady clock wakes no earlier than asked") {
  SteadyClock clock;
  const TimePoint when = clock.now() + 1ms;
  CHECK(clock.sleep_until(when, {}));
  CHECK(clock.now() >= when);
}

TEST_CASE("clock: an anchor turns steady times into wall times, before and after itself") {
  const FakeClock clock;
  const WallAnchor anchor{clock.now(), clock.wall_now()};
  CHECK(anchor.wall_at(anchor.steady + 1500us) == anchor.wall + 1500us);
  CHECK(anchor.wall_at(anchor.steady - 2s) == anchor.wall - 2s);
}
