#include "delivery/circuit_breaker.h"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <random>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/fake_clock.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

using Admission = CircuitBreaker::Admission;
constexpr auto kLongestOpen = 36s;  // with jitter

struct Fixture {
  explicit Fixture(Breaker mode = Breaker::kOn, CircuitBreaker::Hook hook = {})
      : breaker(mode, {1s, 30s}, 1, clock, std::move(hook)) {}

  Admission admitted() {
    std::optional<Admission> admission = breaker.admit({});
    REQUIRE(admission);
    return std::move(*admission);
  }
  // The same for a worker thread: `conclude` gets the admission.
  template <typename Conclude>
  void attempt(Conclude conclude) {
    std::optional<Admission> admission = breaker.admit({});
    CHECK(admission);
    if (admission) conclude(*admission);
  }
  void open() {
    for (int i = 0; i < 5; ++i) admitted().failed();
    REQUIRE(breaker.report().state == "open");
  }
  // Open no longer, and nobody has asked yet.
  void sit_out() { clock.advance(kLongestOpen); }
  void await_waiting(std::size_t count) const {
    while (breaker.waiting() != count) std::this_thread::yield();
  }

  FakeClock clock;
  CircuitBreaker breaker;
};

}  // namespace

static_assert(!std::is_copy_constructible_v<Admission> && !std::is_move_assignable_v<Admission>);

TEST_CASE("circuit breaker: admits at once while closed") {
  Fixture f;
  f.admitted().succeeded();
  const Admission one = f.admitted();
  const Admission another = f.admitted();
  CHECK(f.breaker.report().state == "closed");
}

TEST_CASE("circuit breaker: open, a caller sleeps until the time is over and is the probe then") {
  Fixture f;
  f.open();
  const nanoseconds open_for = f.breaker.report().transitions.back().open_for;
  CHECK(open_for >= 800ms);
  CHECK(open_for <= 1200ms);
  std::atomic<bool> admitted{false};
  std::jthread caller([&] {
    f.attempt([&](Admission& probe) {
      admitted = true;
      probe.succeeded();
    });
  });
  f.clock.await_sleepers(1);
  f.clock.advance(open_for - 1ns);
  f.clock.await_sleepers(1);  // still asleep
  CHECK_FALSE(admitted);
  f.clock.advance(1ns);
  caller.join();
  CHECK(admitted);
  CHECK(f.breaker.report().state == "half-open");
  f.admitted().succeeded();
  CHECK(f.breaker.report().state == "closed");
}

TEST_CASE("circuit breaker: the jitter differs from seed to seed and is the same for the same") {
  FakeClock clock;
  const auto open_for = [&clock](std::uint64_t seed) {
    CircuitBreaker breaker(Breaker::kOn, {1s, 30s}, seed, clock, {});
    for (int i = 0; i < 5; ++i) breaker.admit({})->failed();
    return breaker.report().transitions.at(0).open_for;
  };
  CHECK(open_for(1) == open_for(1));
  CHECK(open_for(1) != open_for(2));
}

TEST_CASE("circuit breaker: others wait for the probe, and its success lets the next one go") {
  Fixture f;
  f.open();
  f.sit_out();
  Admission probe = f.admitted();
  std::atomic<int> admitted{0};
  std::atomic<int> concluding{0};  // how many of them may say how it went
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 3; ++i) {
      callers.emplace_back([&] {
        f.attempt([&](Admission& admission) {
          const int nth = ++admitted;
          while (concluding < nth) std::this_thread::yield();
          admission.succeeded();
        });
      });
    }
    f.await_waiting(3);
    CHECK(admitted == 0);
    probe.succeeded();
    f.await_waiting(2);  // one of them is the second probe now
    CHECK(f.breaker.report().state == "half-open");
    concluding = 1;
    f.await_waiting(0);  // the second success let all others go
    concluding = 3;
  }
  CHECK(admitted == 3);
  CHECK(f.breaker.report().state == "closed");
}

TEST_CASE("circuit breaker: the probe's failure sends those who wait back to sleep") {
  Fixture f;
  f.open();
  f.sit_out();
  Admission probe = f.admitted();
  std::jthread caller([&] { f.attempt(std::mem_fn(&Admission::uncounted)); });
  f.await_waiting(1);
  probe.failed();
  f.clock.await_sleepers(1);
  CHECK(f.breaker.report().state == "open");
  f.sit_out();
  caller.join();
  CHECK(f.breaker.report().state == "half-open");
}

TEST_CASE("circuit breaker: an uncounted probe lets the next one go") {
  Fixture f;
  f.open();
  f.sit_out();
  Admission probe = f.admitted();
  std::jthread caller([&] { f.attempt(std::mem_fn(&Admission::failed)); });
  f.await_waiting(1);
  probe.uncounted();
  caller.join();
  CHECK(f.breaker.report().state == "open");
}

TEST_CASE("circuit breaker: an admission that dies without a verdict frees the probe") {
  Fixture f;
  f.open();
  f.sit_out();
  {
    Admission probe = f.admitted();
    const Admission moved = std::move(probe);  // and only one of the two speaks
  }
  const Admission next = f.admitted();
  CHECK(f.breaker.report().state == "half-open");
}

TEST_CASE("circuit breaker: a late verdict from before it opened disturbs nothing") {
  Fixture f;
  std::vector<Admission> early;
  for (int i = 0; i < 4; ++i) early.push_back(f.admitted());
  f.open();
  early[0].succeeded();
  early[1].failed();
  CHECK(f.breaker.report().state == "open");
  f.sit_out();
  const Admission probe = f.admitted();
  early[2].failed();
  CHECK(f.breaker.report().state == "half-open");
  early[3].succeeded();
  std::stop_source stop;
  std::jthread caller([&] { CHECK_FALSE(f.breaker.admit(stop.get_token())); });
  f.await_waiting(1);  // not admitted beside the probe
  stop.request_stop();
}

TEST_CASE("circuit breaker: a stop ends the wait, in whatever state") {
  for (const bool half_open : {false, true}) {
    CAPTURE(half_open);
    Fixture f;
    f.open();
    std::optional<Admission> probe;
    if (half_open) {
      f.sit_out();
      probe.emplace(f.admitted());
    }
    std::stop_source stop;
    std::jthread stopped([&] { CHECK_FALSE(f.breaker.admit(stop.get_token())); });
    std::stop_source never;
    std::jthread other([&] { CHECK_FALSE(f.breaker.admit(never.get_token())); });
    f.await_waiting(2);
    stop.request_stop();
    stopped.join();
    f.await_waiting(1);  // the other one's wait goes on
    never.request_stop();
  }
}

TEST_CASE("circuit breaker: a stop requested before is seen even when it is closed") {
  std::stop_source stop;
  stop.request_stop();
  for (const Breaker mode : {Breaker::kOn, Breaker::kOff}) {
    Fixture f(mode);
    CHECK_FALSE(f.breaker.admit(stop.get_token()));
  }
}

TEST_CASE("circuit breaker: switched off, it admits always and hears nothing") {
  int called = 0;
  Fixture f(Breaker::kOff, [&](const BreakerTransition&) { ++called; });
  for (int i = 0; i < 100; ++i) f.admitted().failed();
  f.admitted().succeeded();
  const BreakerReport report = f.breaker.report();
  CHECK(report.state == "off");
  CHECK(report.transitions.empty());
  CHECK(report.transitions_total == 0);
  CHECK(report.closed == 0s);
  CHECK(called == 0);
}

TEST_CASE("circuit breaker: the hook hears each transition, without the lock") {
  std::vector<BreakerState> heard;
  CircuitBreaker* breaker = nullptr;
  Fixture f(Breaker::kOn, [&](const BreakerTransition& transition) {
    heard.push_back(transition.to);
    CHECK(breaker->report().state == to_name(transition.to));  // would hang under the lock
  });
  breaker = &f.breaker;
  f.open();
  f.sit_out();
  f.admitted().failed();
  f.sit_out();
  f.admitted().succeeded();
  f.admitted().succeeded();
  using enum BreakerState;
  CHECK(heard == std::vector{kOpen, kHalfOpen, kOpen, kHalfOpen, kClosed});
}

TEST_CASE("circuit breaker: a hook that throws does not keep the probe") {
  bool angry = false;
  Fixture f(Breaker::kOn, [&](const BreakerTransition&) {
    if (angry) throw std::runtime_error("no");
  });
  f.open();
  f.sit_out();
  angry = true;
  CHECK_THROWS_AS(static_cast<void>(f.breaker.admit({})), std::runtime_error);
  angry = false;
  f.admitted().succeeded();
  f.admitted().succeeded();
  CHECK(f.breaker.report().state == "closed");
}

TEST_CASE("circuit breaker: among many threads there are never two probes at once") {
  Fixture f;
  f.open();
  int inside = 0;  // a data race too, if two were in
  std::atomic<int> overlaps{0};
  std::atomic<int> probes{0};
  std::stop_source stop;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        while (std::optional<Admission> probe = f.breaker.admit(stop.get_token())) {
          if (++inside != 1) ++overlaps;
          const int nth = ++probes;
          std::this_thread::yield();
          --inside;
          // Never two successes one after the other: it does not close.
          if (nth % 100 == 0) {
            probe->failed();
          } else if (nth % 100 == 50) {
            probe->succeeded();
          } else if (nth % 2 == 0) {
            probe->uncounted();
          }
        }
      });
    }
    while (probes < 5000) {
      f.clock.advance(1s);
      std::this_thread::yield();
    }
    stop.request_stop();
  }
  CHECK(overlaps == 0);
  CHECK(f.breaker.report().closed == 0s);
  CHECK(f.breaker.report().transitions_total > 50);
}

TEST_CASE("circuit breaker: threads that come and go, results of all kinds, and nobody hangs") {
  std::atomic<std::uint64_t> heard{0};
  Fixture f(Breaker::kOn, [&](const BreakerTransition&) { ++heard; });
  std::atomic<int> attempts{0};
  std::stop_source stop;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        std::minstd_rand random(static_cast<std::uint32_t>(i) + 1);
        while (std::optional<Admission> admission = f.breaker.admit(stop.get_token())) {
          ++attempts;
          const auto dice = random() % 8;
          if (dice < 4) admission->failed();
          if (dice == 4 || dice == 5) admission->succeeded();
          if (dice == 6) admission->uncounted();
        }
      });
    }
    while (attempts < 5000) {
      f.clock.advance(1s);
      std::this_thread::yield();
    }
    stop.request_stop();
  }
  CHECK(f.breaker.waiting() == 0);
  CHECK(f.breaker.report().transitions_total == heard);
  CHECK(heard > 50);
}
