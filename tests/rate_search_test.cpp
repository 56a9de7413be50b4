#include "plan/rate_search.h"

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;
using Outcome = RateSearch::Outcome;

namespace {

// Searches a target that sustains exactly `capacity`; returns the trials.
std::vector<RateSearch::Trial> search(RateSearch& search, double capacity) {
  std::vector<RateSearch::Trial> trials;
  while (const auto trial = search.next()) {
    trials.push_back(*trial);
    REQUIRE(trials.size() < 100);
    search.record(trial->rate <= capacity ? Outcome::kPassed : Outcome::kFailed);
  }
  return trials;
}

}  // namespace

TEST_CASE("rate search: it ends within the precision of what the target sustains") {
  for (const double capacity : {0.9, 3.0, 77.0, 999.0, 1'000.0, 1'001.0, 41'250.0, 3e6}) {
    for (const double precision : {0.01, 0.05, 0.2}) {
      RateSearch machine({.from = 1'000, .step = 5s, .precision = precision});
      search(machine, capacity);
      CAPTURE(capacity);
      REQUIRE(machine.highest_passed());
      REQUIRE(machine.lowest_failed());
      CHECK(*machine.highest_passed() <= capacity);
      CHECK(*machine.lowest_failed() > capacity);
      CHECK(*machine.lowest_failed() <= *machine.highest_passed() * (1 + precision) + 1e-9);
    }
  }
}

TEST_CASE("rate search: it starts at the first rate, doubles, and tries the middle for longer") {
  RateSearch machine({.from = 1'000, .step = 5s});
  const auto trials = search(machine, 3'000);
  REQUIRE(trials.size() > 4);
  CHECK(trials[0].rate == 1'000);
  CHECK(trials[0].length == 5s);
  CHECK(trials[1].rate == 2'000);
  CHECK(trials[2].rate == 4'000);
  CHECK(trials[3].rate == 2'828);
  CHECK(trials[3].length == 10s);
}

TEST_CASE("rate search: nothing is tried above the limit") {
  RateSearch machine({.from = 1'000, .limit = 5'000, .step = 1s});
  const auto trials = search(machine, 1e6);
  CHECK(trials.back().rate == 5'000);
  CHECK(machine.highest_passed() == 5'000);
  CHECK_FALSE(machine.lowest_failed());
}

TEST_CASE("rate search: a target that sustains nothing ends it") {
  RateSearch machine({.from = 1'000, .step = 1s});
  const auto trials = search(machine, 0);
  CHECK_FALSE(machine.highest_passed());
  CHECK(trials.size() < 20);
}

TEST_CASE("rate search: what is unclear is tried longer, and counts as failed in the end") {
  RateSearch machine({.from = 1'000, .step = 5s});
  machine.record(Outcome::kUnclear);
  CHECK(machine.next()->rate == 1'000);
  CHECK(machine.next()->length == 10s);
  machine.record(Outcome::kUnclear);
  CHECK(machine.next()->length == 20s);
  machine.record(Outcome::kUnclear);
  CHECK(machine.lowest_failed() == 1'000);
  CHECK(machine.next()->rate == 500);
  CHECK(machine.next()->length == 5s);
}
