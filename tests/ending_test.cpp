#include "lane/ending.h"

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "support/fake_clock.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

constexpr std::array kPhases{Phase::kDraining, Phase::kGivingUp, Phase::kInterrupting,
                             Phase::kAborting};

struct Fixture {
  [[nodiscard]] std::vector<Phase> reached() const {
    std::vector<Phase> phases;
    for (const Phase phase : kPhases) {
      if (ending.reached(phase)) phases.push_back(phase);
      CHECK(ending.token(phase).stop_requested() == ending.reached(phase));
    }
    return phases;
  }

  FakeClock clock;
  Ending ending{clock, 20s};
};

}  // namespace

TEST_CASE("ending: entering a phase enters all before it, and none after it") {
  const std::array<std::function<void(Ending&)>, 4> steps{
      [](Ending& ending) { ending.drain(2); }, [](Ending& ending) { ending.give_up(); },
      [](Ending& ending) { ending.interrupt(); }, [](Ending& ending) { ending.abort(2); }};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Fixture f;
    CHECK(f.reached().empty());
    steps[i](f.ending);
    CHECK(f.reached() == std::vector<Phase>(kPhases.begin(), kPhases.begin() + i + 1));
    steps[0](f.ending);  // nothing goes back
    CHECK(f.reached().size() == i + 1);
  }
}

TEST_CASE("ending: phases are entered in their order, each once") {
  Fixture f;
  std::string heard;
  const std::stop_callback a(f.ending.token(Phase::kDraining), [&] { heard += "d"; });
  const std::stop_callback b(f.ending.token(Phase::kGivingUp), [&] { heard += "g"; });
  const std::stop_callback c(f.ending.token(Phase::kInterrupting), [&] { heard += "i"; });
  f.ending.interrupt();
  f.ending.interrupt();
  f.ending.drain(15);
  CHECK(heard == "dgi");
}

TEST_CASE("ending: no wait is endless once production is due to end") {
  Fixture f;
  const TimePoint start = f.clock.now();
  CHECK_FALSE(f.ending.deadline().has_value());
  f.ending.expect_end(std::nullopt);
  CHECK_FALSE(f.ending.deadline().has_value());
  f.ending.expect_end(start + 10s);
  CHECK(f.ending.deadline() == start + 30s);
  f.clock.advance(4s);
  f.ending.drain(15);  // early
  CHECK(f.ending.production_ends() == start + 4s);
  CHECK(f.ending.deadline() == start + 24s);
  f.clock.advance(1s);
  f.ending.give_up();  // the drain timeout does not begin anew
  CHECK(f.ending.deadline() == start + 24s);
  f.ending.interrupt();
  CHECK(f.ending.deadline() == start + 5s + Ending::kGrace);
  f.clock.advance(1s);
  f.ending.abort(15);  // neither does the grace
  CHECK(f.ending.deadline() == start + 5s + Ending::kGrace);
}

TEST_CASE("ending: what ends before the schedule is known still ends early") {
  Fixture f;
  f.ending.drain(2);
  f.ending.expect_end(f.clock.now() + 1h);
  CHECK(f.ending.deadline() == f.clock.now() + 20s);
}

TEST_CASE("ending: the first signal before the end of production is the one that counts") {
  Fixture f;
  f.ending.give_up();  // has no signal for a reason
  CHECK(f.ending.interrupted_by() == 0);
  f.ending.drain(2);
  f.ending.drain(15);
  f.ending.end_production();
  CHECK(f.ending.interrupted_by() == 2);
}

TEST_CASE("ending: a signal after the end of production has interrupted nothing") {
  Fixture f;
  f.ending.end_production();
  f.ending.drain(2);
  CHECK(f.ending.interrupted_by() == 0);
}

TEST_CASE("ending: the drain timeout is the reason only if writes were not interrupted before") {
  Fixture f;
  CHECK(f.ending.time_out());
  CHECK(f.ending.timed_out());
  CHECK_FALSE(f.ending.time_out());
  CHECK(f.ending.reached(Phase::kInterrupting));
  CHECK_FALSE(f.ending.reached(Phase::kAborting));
  Fixture g;
  g.ending.abort(2);
  CHECK_FALSE(g.ending.time_out());
  CHECK_FALSE(g.ending.timed_out());
  CHECK(g.ending.aborted_by() == 2);
}

TEST_CASE("ending: the first failure stays, and is no phase") {
  Fixture f;
  CHECK_FALSE(f.ending.failure().has_value());
  CHECK(f.ending.note_failure({.code = "A", .message = "first"}));
  CHECK_FALSE(f.ending.note_failure({.code = "B", .message = "second"}));
  CHECK(f.ending.failure()->message == "first");
  CHECK(f.reached().empty());
}
