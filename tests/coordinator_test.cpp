#include "run/coordinator.h"

#include <doctest/doctest.h>

#include <thread>

#include "support/fake_clock.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

using Role = Coordinator::Role;
using Wait = Coordinator::Wait;

struct Fixture {
  Wait wait_while(Role role, const std::function<void()>& meanwhile) {
    Wait result{};
    std::jthread waiter([&] { result = coordinator.wait_for(role); });
    meanwhile();
    waiter.join();
    return result;
  }

  FakeClock clock;
  Coordinator coordinator{clock, 20s};
};

}  // namespace

TEST_CASE("coordinator: a wait ends when the last thread of its role is done") {
  Fixture f;
  f.coordinator.thread_started(Role::kProducer);
  f.coordinator.thread_started(Role::kProducer);
  f.coordinator.thread_started(Role::kConsumer);
  CHECK(f.wait_while(Role::kProducer, [&] {
    f.coordinator.thread_done(Role::kProducer);
    f.coordinator.thread_done(Role::kProducer);
  }) == Wait::kDone);
}

TEST_CASE("coordinator: a wait ends when the drain timeout has passed since the planned end") {
  Fixture f;
  f.coordinator.thread_started(Role::kConsumer);
  f.coordinator.expect_end(f.clock.now() + 10s);
  CHECK(f.wait_while(Role::kConsumer, [&] {
    f.clock.await_sleepers(1);
    f.clock.advance(29s);
    f.clock.await_sleepers(1);  // not yet
    f.clock.advance(1s);
  }) == Wait::kTimedOut);
}

TEST_CASE("coordinator: stopping production early starts the drain timeout then") {
  Fixture f;
  f.coordinator.thread_started(Role::kConsumer);
  f.coordinator.expect_end(f.clock.now() + 1h);
  CHECK(f.wait_while(Role::kConsumer, [&] {
    f.clock.await_sleepers(1);
    f.coordinator.stop_production(15);
    f.clock.advance(20s);
  }) == Wait::kTimedOut);
}

TEST_CASE("coordinator: with no planned end the drain timeout starts with the last producer") {
  Fixture f;
  f.coordinator.expect_end(std::nullopt);
  f.coordinator.thread_started(Role::kProducer);
  f.coordinator.thread_started(Role::kConsumer);
  f.clock.advance(1h);
  f.coordinator.thread_done(Role::kProducer);
  CHECK(f.wait_while(Role::kConsumer, [&] {
    f.clock.await_sleepers(1);
    f.clock.advance(20s);
  }) == Wait::kTimedOut);
}

TEST_CASE("coordinator: after an abort a wait ends when the grace is over") {
  Fixture f;
  f.coordinator.thread_started(Role::kConsumer);
  CHECK(f.wait_while(Role::kConsumer, [&] {
    f.coordinator.note_abort();
    f.clock.await_sleepers(1);
    f.coordinator.note_abort();  // again does not prolong it
    f.clock.advance(Coordinator::kAbortGrace);
  }) == Wait::kTimedOut);
}

TEST_CASE("coordinator: the first signal before the end of production is the one that counts") {
  Fixture f;
  f.coordinator.thread_started(Role::kProducer);
  f.coordinator.stop_production(2);
  f.coordinator.stop_production(15);
  CHECK(f.coordinator.interrupted_by() == 2);
}

TEST_CASE("coordinator: a signal after the end of production interrupted nothing") {
  Fixture f;
  f.coordinator.thread_started(Role::kProducer);
  f.coordinator.thread_done(Role::kProducer);
  f.coordinator.stop_production(2);
  CHECK(f.coordinator.interrupted_by() == 0);
}

TEST_CASE("coordinator: stopping without a signal is no interruption") {
  Fixture f;
  f.coordinator.thread_started(Role::kProducer);
  f.coordinator.stop_production(0);
  CHECK(f.coordinator.interrupted_by() == 0);
}

TEST_CASE("coordinator: a signal before the schedule is known still ends it early") {
  Fixture f;
  f.coordinator.thread_started(Role::kConsumer);
  f.coordinator.stop_production(2);
  f.coordinator.expect_end(f.clock.now() + 1h);
  CHECK(f.wait_while(Role::kConsumer, [&] {
    f.clock.await_sleepers(1);
    f.clock.advance(20s);
  }) == Wait::kTimedOut);
}

TEST_CASE("coordinator: errors are counted by what they were, and the first failure stays") {
  Fixture f;
  const auto error = [](WriteOutcome outcome, std::string code, std::string message) {
    return WriteResult{outcome, {.code = std::move(code), .message = std::move(message)}};
  };
  CHECK(f.coordinator.errors().empty());
  CHECK(f.coordinator.note_error(error(WriteOutcome::kInDoubt, "A", "first")));
  CHECK(f.coordinator.note_error(error(WriteOutcome::kNotWritten, "B", "second")));
  CHECK_FALSE(f.coordinator.note_error(error(WriteOutcome::kInDoubt, "A", "third")));
  CHECK_FALSE(f.coordinator.failure().has_value());
  f.coordinator.note_failure(error(WriteOutcome::kNotWritten, "A", "fourth"));
  f.coordinator.note_failure(error(WriteOutcome::kNotWritten, "B", "fifth"));
  const auto errors = f.coordinator.errors();
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].first.error.message == "first");
  CHECK(errors[0].count == 2);
  CHECK(errors[1].first.error.code == "B");
  CHECK(errors[1].count == 1);
  CHECK(errors[2].first.outcome == WriteOutcome::kNotWritten);
  CHECK(f.coordinator.failure()->message == "fourth");
}

TEST_CASE("coordinator: production that a count ended early starts the drain timeout then") {
  Fixture f;
  f.coordinator.expect_end(f.clock.now() + 1h);
  f.coordinator.thread_started(Role::kProducer);
  f.coordinator.thread_started(Role::kConsumer);
  f.coordinator.thread_done(Role::kProducer);
  CHECK(f.wait_while(Role::kConsumer, [&] {
    f.clock.await_sleepers(1);
    f.clock.advance(20s);
  }) == Wait::kTimedOut);
}
