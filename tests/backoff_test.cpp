#include "delivery/backoff.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <limits>
#include <random>
#include <thread>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kLastAttempt = std::numeric_limits<std::uint32_t>::max();

double random01(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11U) / static_cast<double>(1ULL << 53U);
}

int spend_all(RetryBudget& budget) {
  int retries = 0;
  while (budget.spend()) ++retries;
  return retries;
}

}  // namespace

TEST_CASE("backoff: the longest delay doubles with each attempt, up to the cap") {
  const BackoffPolicy policy{50ms, 10s};
  CHECK(full_jitter(policy, 0, 1.0) == 50ms);
  CHECK(full_jitter(policy, 1, 1.0) == 100ms);
  CHECK(full_jitter(policy, 2, 1.0) == 200ms);
  CHECK(full_jitter(policy, 7, 1.0) == 6400ms);
  CHECK(full_jitter(policy, 8, 1.0) == 10s);
  CHECK(full_jitter(policy, 9, 1.0) == 10s);
}

TEST_CASE("backoff: the random number spreads the delay evenly from zero") {
  const BackoffPolicy policy{10ms, 500ms};
  CHECK(full_jitter(policy, 3, 0.0) == 0ms);
  CHECK(full_jitter(policy, 3, 0.25) == 20ms);
  CHECK(full_jitter(policy, 3, 0.5) == 40ms);
}

TEST_CASE("backoff: no attempt is too high") {
  for (const nanoseconds cap : {nanoseconds(10s), nanoseconds::max()}) {
    for (const std::uint32_t attempt : {62U, 63U, 64U, 65U, 127U, 128U, kLastAttempt}) {
      CAPTURE(attempt);
      CHECK(full_jitter({50ms, cap}, attempt, 1.0) == cap);
      CHECK(full_jitter({50ms, cap}, attempt, 0.0) == 0ns);
    }
  }
  CHECK(full_jitter({1ns, nanoseconds::max()}, 62, 1.0) == nanoseconds(1LL << 62U));
}

TEST_CASE("backoff: a base above the cap is the cap, no base is no delay") {
  CHECK(full_jitter({10s, 1s}, 0, 1.0) == 1s);
  CHECK(full_jitter({1s, 0s}, 5, 1.0) == 0s);
  CHECK(full_jitter({0s, 10s}, 5, 1.0) == 0s);
  CHECK(full_jitter({0s, 10s}, kLastAttempt, 1.0) == 0s);
}

TEST_CASE("backoff: any delay is between zero and min(cap, base * 2^attempt)") {
  std::mt19937_64 random(20260101);
  for (int round = 0; round < 100'000; ++round) {
    // Of every magnitude, not only large.
    const BackoffPolicy policy{nanoseconds(random() >> (1U + random() % 63)),
                               nanoseconds(random() >> (1U + random() % 63))};
    const auto attempt = static_cast<std::uint32_t>(random() >> (32U + random() % 32));
    const nanoseconds delay = full_jitter(policy, attempt, random01(random));
    nanoseconds most = policy.base;
    for (std::uint32_t i = 0; i < std::min(attempt, 64U) && most < policy.cap; ++i) {
      most = most > policy.cap / 2 ? policy.cap : most * 2;
    }
    most = std::min(most, policy.cap);
    CAPTURE(policy.base.count());
    CAPTURE(policy.cap.count());
    CAPTURE(attempt);
    REQUIRE(delay >= 0ns);
    REQUIRE(delay <= most);
    REQUIRE(full_jitter(policy, attempt, 1.0) == most);
  }
}

TEST_CASE("retry budget: full at first, a retry costs five") {
  RetryBudget budget;
  CHECK(spend_all(budget) == 100);
  CHECK_FALSE(budget.spend());
}

TEST_CASE("retry budget: a success returns one, so five pay for a retry") {
  RetryBudget budget;
  spend_all(budget);
  for (int i = 0; i < 4; ++i) budget.earn();
  CHECK_FALSE(budget.spend());  // and takes nothing of the four
  budget.earn();
  CHECK(budget.spend());
  CHECK_FALSE(budget.spend());
}

TEST_CASE("retry budget: successes never fill it above its size") {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) budget.earn();
  CHECK(spend_all(budget) == 100);
  for (int i = 0; i < 10'000; ++i) budget.earn();
  CHECK(spend_all(budget) == 100);
}

TEST_CASE("retry budget: many threads lose and invent no token") {
  RetryBudget budget;
  spend_all(budget);
  constexpr int kThreads = 4;
  std::latch ready(kThreads);
  std::atomic<int> retries{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        ready.arrive_and_wait();
        // Each spends only what it earned: no retry is refused and the budget never fills up.
        for (int k = 0; k < 50'000; ++k) {
          budget.earn();
          if (k % 5 == 4) retries += budget.spend() ? 1 : 0;
        }
      });
    }
  }
  CHECK(retries == kThreads * 10'000);
  CHECK_FALSE(budget.spend());
}
