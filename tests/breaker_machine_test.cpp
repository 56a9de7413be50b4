#include "delivery/breaker_machine.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

using Pass = BreakerMachine::Pass;
constexpr auto kGood = BreakerVerdict::kSucceeded;
constexpr auto kBad = BreakerVerdict::kFailed;
constexpr auto kUncounted = BreakerVerdict::kUncounted;
constexpr TimePoint kStart{1000h};

// A machine and its time, with no jitter unless a test sets one.
struct Fixture {
  Pass admitted() {
    const BreakerMachine::Answer answer = machine.admit(now);
    REQUIRE(answer.pass);
    return *answer.pass;
  }
  std::optional<BreakerTransition> conclude(Pass pass, BreakerVerdict verdict) {
    return machine.conclude(pass, verdict, now, uniform01);
  }
  // One whole attempt.
  std::optional<BreakerTransition> attempt(BreakerVerdict verdict) {
    return conclude(admitted(), verdict);
  }
  void attempts(int count, BreakerVerdict verdict) {
    for (int i = 0; i < count; ++i) attempt(verdict);
  }
  // How long it stays open from now on; leaves the time at its end.
  nanoseconds sit_out() {
    const BreakerMachine::Answer answer = machine.admit(now);
    REQUIRE_FALSE(answer.pass);
    REQUIRE(answer.ask_at);
    const nanoseconds wait = *answer.ask_at - now;
    now += wait - 1ns;
    REQUIRE_FALSE(machine.admit(now).pass);
    now += 1ns;
    return wait;
  }
  [[nodiscard]] std::string_view state() const { return machine.report(now).state; }

  TimePoint now = kStart;
  double uniform01 = 0.5;
  BreakerMachine machine{now, {1s, 30s}};
};

// One that failed until it opened.
struct OpenFixture : Fixture {
  OpenFixture() { attempts(5, kBad); }
};

}  // namespace

TEST_CASE("breaker: closed at first, and admits any number at a time") {
  Fixture f;
  CHECK(f.state() == "closed");
  for (int i = 0; i < 100; ++i) CHECK(f.machine.admit(f.now).pass);
}

TEST_CASE("breaker: five failures in a row open it") {
  Fixture f;
  for (int i = 0; i < 4; ++i) CHECK_FALSE(f.attempt(kBad));
  CHECK(f.state() == "closed");
  f.now += 3s;
  const auto transition = f.attempt(kBad);
  REQUIRE(transition);
  CHECK(transition->at == f.now);
  CHECK(transition->from == BreakerState::kClosed);
  CHECK(transition->to == BreakerState::kOpen);
  CHECK(transition->open_for == 1s);
  CHECK(f.state() == "open");
}

TEST_CASE("breaker: a success in between starts the row anew, an uncounted result does not") {
  Fixture f;
  f.attempts(4, kBad);
  f.attempt(kGood);
  f.attempts(4, kBad);
  f.attempts(10, kUncounted);
  CHECK(f.state() == "closed");
  f.attempt(kBad);
  CHECK(f.state() == "open");
}

TEST_CASE("breaker: half of twenty results failed open it") {
  Fixture f;
  for (int i = 0; i < 9; ++i) {
    f.attempt(kBad);
    f.attempt(kGood);
  }
  f.attempts(50, kUncounted);
  f.attempt(kBad);  // 10 of 19: too few results to judge by
  CHECK(f.state() == "closed");
  f.attempt(kGood);  // 10 of 20
  CHECK(f.state() == "open");
}

TEST_CASE("breaker: less than half of the results failed do not open it") {
  Fixture f;
  f.attempts(2, kGood);
  for (int i = 0; i < 50; ++i) {
    f.attempt(kBad);
    f.attempt(kGood);
    REQUIRE(f.state() == "closed");
  }
  f.attempt(kBad);  // 51 of 103
  CHECK(f.state() == "closed");
  f.attempt(kBad);  // 52 of 104
  CHECK(f.state() == "open");
}

TEST_CASE("breaker: results older than ten seconds count no more") {
  struct Case {
    nanoseconds gap;
    std::string_view state;
  };
  // 19.9 s: two rounds of the window's slots, but for one.
  for (const Case& c : {Case{9900ms, "open"}, Case{10s, "closed"}, Case{19'900ms, "closed"},
                        Case{20s, "closed"}, Case{1h, "closed"}}) {
    CAPTURE(c.gap.count());
    Fixture f;
    for (int i = 0; i < 18; ++i) f.attempt(i % 2 == 0 ? kGood : kBad);
    f.now += c.gap;
    f.attempt(kGood);
    f.attempt(kBad);
    CHECK(f.state() == c.state);
  }
}

TEST_CASE("breaker: it opens exactly when a count of the results at hand says so") {
  struct Result {
    std::int64_t slot;  // of 100 ms
    bool failed;
  };
  std::mt19937_64 random(20260105);
  int opened_by_rate = 0;
  for (int round = 0; round < 300; ++round) {
    Fixture f;
    std::vector<Result> results;
    int failures_in_a_row = 0;
    const std::uint64_t step_ns_max = 1'000'000 * (1 + random() % 2000);
    for (int i = 0; i < 500 && f.state() == "closed"; ++i) {
      f.now += nanoseconds(random() % (random() % 100 == 0 ? 40'000'000'000 : step_ns_max));
      const std::int64_t slot = f.now.time_since_epoch() / 100ms;
      const bool failed = random() % 5 < 2;
      failures_in_a_row = failed ? failures_in_a_row + 1 : 0;
      results.push_back({slot, failed});
      std::erase_if(results, [slot](const Result& r) { return r.slot <= slot - 100; });
      const auto failures = std::ranges::count_if(results, &Result::failed);
      const bool sick = results.size() >= 20 && 2 * failures >= std::ssize(results);
      f.attempt(failed ? kBad : kGood);
      REQUIRE((f.state() == "open") == (sick || failures_in_a_row == 5));
      opened_by_rate += failures_in_a_row < 5 && sick ? 1 : 0;
    }
  }
  CHECK(opened_by_rate > 30);
}

TEST_CASE("breaker: open for the shortest delay, and nobody is admitted") {
  OpenFixture f;
  CHECK(f.sit_out() == 1s);
  CHECK(f.state() == "open");  // until admit() is called
  const BreakerMachine::Answer answer = f.machine.admit(f.now);
  REQUIRE(answer.pass);
  REQUIRE(answer.transition);
  CHECK(answer.transition->from == BreakerState::kOpen);
  CHECK(answer.transition->to == BreakerState::kHalfOpen);
  CHECK(answer.transition->open_for == 0s);
  CHECK(f.state() == "half-open");
}

TEST_CASE("breaker: half-open admits one probe at a time") {
  OpenFixture f;
  f.sit_out();
  const Pass probe = f.admitted();
  for (int i = 0; i < 10; ++i) {
    const BreakerMachine::Answer answer = f.machine.admit(f.now);
    CHECK_FALSE((answer.pass || answer.ask_at || answer.transition));
  }
  CHECK_FALSE(f.conclude(probe, kGood));
  const Pass second = f.admitted();
  CHECK_FALSE(f.machine.admit(f.now).pass);
  CHECK(f.conclude(second, kGood));
}

TEST_CASE("breaker: two successful probes close it") {
  OpenFixture f;
  f.sit_out();
  CHECK_FALSE(f.attempt(kGood));
  CHECK(f.state() == "half-open");
  const auto transition = f.attempt(kGood);
  REQUIRE(transition);
  CHECK(transition->from == BreakerState::kHalfOpen);
  CHECK(transition->to == BreakerState::kClosed);
  CHECK(f.state() == "closed");
  f.attempts(4, kBad);  // the row of failures starts anew
  CHECK(f.state() == "closed");
}

TEST_CASE("breaker: closing forgets the window") {
  Fixture f;
  for (int i = 0; i < 20 && f.state() == "closed"; ++i) f.attempt(i % 2 == 0 ? kGood : kBad);
  REQUIRE(f.state() == "open");
  f.sit_out();
  f.attempts(2, kGood);
  REQUIRE(f.state() == "closed");
  CHECK_FALSE(f.attempt(kBad));
  CHECK_FALSE(f.attempt(kBad));
}

TEST_CASE("breaker: the two successes must come one after the other") {
  OpenFixture f;
  f.sit_out();
  f.attempt(kGood);
  f.attempt(kBad);
  REQUIRE(f.state() == "open");
  f.sit_out();
  f.attempt(kGood);
  CHECK(f.state() == "half-open");
  f.attempt(kGood);
  CHECK(f.state() == "closed");
}

TEST_CASE("breaker: an uncounted probe makes room for the next and judges nothing") {
  OpenFixture f;
  f.sit_out();
  for (int i = 0; i < 10; ++i) CHECK_FALSE(f.attempt(kUncounted));
  CHECK(f.state() == "half-open");
  f.attempt(kGood);
  f.attempt(kUncounted);
  f.attempt(kGood);
  CHECK(f.state() == "closed");
}

TEST_CASE("breaker: each failed probe doubles the time, up to the longest delay") {
  OpenFixture f;
  for (const auto expected : {1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s}) {
    CHECK(f.sit_out() == expected);
    const auto transition = f.attempt(kBad);
    REQUIRE(transition);
    CHECK(transition->from == BreakerState::kHalfOpen);
    CHECK(transition->to == BreakerState::kOpen);
  }
}

TEST_CASE("breaker: it is open for the shortest delay first, then up to the longest, no further") {
  TimePoint now = kStart;
  BreakerMachine machine(now, {50ms, 300ms});
  std::vector<nanoseconds> waits;
  const auto fail = [&] {
    const auto transition = machine.conclude(*machine.admit(now).pass, kBad, now, 0.5);
    if (!transition) return;
    waits.push_back(transition->open_for);
    now += transition->open_for;
  };
  for (int i = 0; i < 5 + 4; ++i) fail();
  CHECK(waits == std::vector<nanoseconds>{50ms, 100ms, 200ms, 300ms, 300ms});
}

TEST_CASE("breaker: closing resets the time to the shortest delay") {
  OpenFixture f;
  for (int i = 0; i < 4; ++i) {
    f.sit_out();
    f.attempt(kBad);
  }
  CHECK(f.sit_out() == 16s);
  f.attempts(2, kGood);
  REQUIRE(f.state() == "closed");
  f.attempts(5, kBad);
  CHECK(f.sit_out() == 1s);
}

TEST_CASE("breaker: jitter makes the time up to a fifth longer or shorter") {
  struct Case {
    double uniform01;
    nanoseconds first;
    nanoseconds last;
  };
  for (const Case& c : {Case{0.0, 800ms, 24s}, Case{0.5, 1s, 30s}, Case{1.0, 1200ms, 36s}}) {
    CAPTURE(c.uniform01);
    Fixture f;
    f.uniform01 = c.uniform01;
    f.attempts(5, kBad);
    CHECK(f.sit_out() == c.first);
    for (int i = 0; i < 7; ++i) {
      f.attempt(kBad);
      f.sit_out();
    }
    f.attempt(kBad);
    CHECK(f.sit_out() == c.last);
  }
}

TEST_CASE("breaker: the result of a pass from before it opened is ignored") {
  Fixture f;
  const std::vector<Pass> early{f.admitted(), f.admitted(), f.admitted(), f.admitted(),
                                f.admitted()};
  f.attempts(5, kBad);
  REQUIRE(f.state() == "open");
  CHECK_FALSE(f.conclude(early[0], kGood));
  CHECK_FALSE(f.conclude(early[1], kBad));
  CHECK(f.sit_out() == 1s);  // neither longer nor shorter

  const Pass probe = f.admitted();
  CHECK_FALSE(f.conclude(early[2], kGood));
  CHECK_FALSE(f.conclude(early[3], kBad));
  CHECK_FALSE(f.conclude(early[4], kUncounted));
  CHECK(f.state() == "half-open");
  CHECK_FALSE(f.machine.admit(f.now).pass);  // the probe is still out
  f.conclude(probe, kGood);
  f.attempt(kGood);
  CHECK(f.state() == "closed");
}

TEST_CASE("breaker: what was admitted when it was closed before does not count when it is again") {
  Fixture f;
  const std::vector<Pass> early{f.admitted(), f.admitted(), f.admitted(), f.admitted(),
                                f.admitted()};
  f.attempts(5, kBad);
  f.sit_out();
  f.attempts(2, kGood);
  REQUIRE(f.state() == "closed");
  for (const Pass pass : early) CHECK_FALSE(f.conclude(pass, kBad));
  CHECK(f.state() == "closed");
}

TEST_CASE("breaker: the report has each transition and the time spent in each state") {
  Fixture f;
  f.now += 5s;
  f.attempts(5, kBad);
  f.sit_out();
  f.now += 3s;  // open until admit() is called
  const Pass probe = f.admitted();
  f.now += 250ms;
  f.conclude(probe, kGood);
  f.now += 250ms;
  f.attempt(kGood);
  f.now += 7s;
  const BreakerReport report = f.machine.report(f.now);
  CHECK(report.state == "closed");
  CHECK(report.closed == 12s);
  CHECK(report.open == 4s);
  CHECK(report.half_open == 500ms);
  CHECK(report.transitions_total == 3);
  REQUIRE(report.transitions.size() == 3);
  CHECK(report.transitions[0].at == kStart + 5s);
  CHECK(report.transitions[1].at == kStart + 9s);
  CHECK(report.transitions[2].at == kStart + 9500ms);
  CHECK(report.transitions[2].to == BreakerState::kClosed);
}

TEST_CASE("breaker: the report keeps the first thousand transitions and counts all") {
  OpenFixture f;
  for (int i = 0; i < 600; ++i) {
    f.sit_out();
    f.attempt(kBad);
  }
  const BreakerReport report = f.machine.report(f.now);
  CHECK(report.transitions_total == 1201);
  REQUIRE(report.transitions.size() == 1000);
  CHECK(report.transitions.front().from == BreakerState::kClosed);
  CHECK(report.closed + report.open + report.half_open == f.now - kStart);
}

TEST_CASE("breaker: whatever happens, no pass while open and one while half-open") {
  std::mt19937_64 random(20260104);
  Fixture f;
  struct Held {
    Pass pass;
    std::uint64_t transitions;  // how many there had been
  };
  std::vector<Held> held;
  std::uint64_t transitions = 0;
  std::uint64_t probes = 0;
  for (int step = 0; step < 50'000; ++step) {
    f.now += nanoseconds(random() % 2'000'000'000);
    f.uniform01 = static_cast<double>(random() % 1001) / 1000;
    if (random() % 2 == 0 || held.empty()) {
      const BreakerMachine::Answer answer = f.machine.admit(f.now);
      if (answer.transition) ++transitions;
      REQUIRE((answer.pass.has_value() || f.state() != "closed"));
      if (!answer.pass) continue;
      REQUIRE(f.state() != "open");
      if (f.state() == "half-open") {
        ++probes;
        for (const Held& other : held) REQUIRE(other.transitions < transitions);
      }
      held.push_back({*answer.pass, transitions});
    } else {
      const std::size_t which = random() % held.size();
      const Held chosen = held[which];
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
      const BreakerVerdict verdict = random() % 5 == 0   ? kUncounted
                                     : random() % 2 == 0 ? kGood
                                                         : kBad;
      const auto transition = f.conclude(chosen.pass, verdict);
      if (!transition) continue;
      REQUIRE(chosen.transitions == transitions);  // only the newest pass changes the state
      ++transitions;
    }
  }
  CHECK(f.machine.report(f.now).transitions_total == transitions);
  CHECK(probes > 1000);  // else this showed nothing
}
