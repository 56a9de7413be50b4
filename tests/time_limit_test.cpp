#include "base/time_limit.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "support/fake_clock.h"

using namespace loadgen;
using namespace std::chrono_literals;

TEST_CASE("time limit: it calls once when its time is over, and not before") {
  FakeClock clock;
  std::atomic<int> calls{0};
  const TimeLimit limit(clock, 10s, [&] { ++calls; });
  clock.await_sleepers(1);
  clock.advance(9s);
  CHECK(calls == 0);
  CHECK_FALSE(limit.expired());
  clock.advance(1s);
  while (calls == 0) std::this_thread::yield();
  CHECK(limit.expired());
  clock.advance(1h);
  CHECK(calls == 1);
}

TEST_CASE("time limit: progress puts it off") {
  FakeClock clock;
  std::atomic<int> calls{0};
  TimeLimit limit(clock, 10s, [&] { ++calls; });
  clock.await_sleepers(1);
  clock.advance(9s);
  limit.restart();
  clock.advance(2s);  // it wakes, and sleeps on until 19 s
  clock.await_sleepers(1);
  clock.advance(7s);
  CHECK(calls == 0);
  clock.advance(1s);
  while (calls == 0) std::this_thread::yield();
}

TEST_CASE("time limit: what is over in time calls nothing") {
  FakeClock clock;
  std::atomic<int> calls{0};
  {
    const TimeLimit limit(clock, 10s, [&] { ++calls; });
  }
  clock.advance(1h);
  CHECK(calls == 0);
}
