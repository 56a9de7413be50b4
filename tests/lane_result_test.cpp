#include "lane/lane_result.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "support/fates.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kStart{1h};

WriteResult error(const std::string& code, const std::string& message) {
  return {WriteOutcome::kNotWritten, {.code = code, .message = message}};
}

// Each field is another number, and all of them differ between two values of n.
LaneResult lane(std::uint64_t n) {
  std::uint64_t field = 100 * n;
  LaneResult result;
  result.start = kStart - n * 1s;
  result.producers_done = kStart + n * 1s;
  result.consumers_done = kStart + n * 2s;
  result.counts.scheduled = ++field;
  result.counts.skipped = ++field;
  result.counts.produced = ++field;
  for (const Fate fate : kAllFates) result.counts.ends[fate] = ++field;
  result.counts.retried_frames = ++field;
  result.counts.duplicates_suppressed = ++field;
  result.samples.measured.produced = ++field;
  result.samples.warmup.produced = ++field;
  result.self_check.threads = {{.index = static_cast<std::uint32_t>(++field)}};
  result.self_check.oversleep.record(nanoseconds(1'000 * ++field), n);
  result.queue = {.capacity = ++field, .depth = ++field, .depth_max = ++field};
  result.queue.depth_mean = static_cast<double>(++field);
  result.queue.blocked = nanoseconds(++field);
  result.errors = {{error("same", std::to_string(n)), n}, {error(std::to_string(n), "own"), n}};
  result.failure = error("failure", std::to_string(n)).error;
  result.breaker = {.state = n == 2 ? "open" : "closed",
                    .transitions = {{kStart + n * 1s, BreakerState::kClosed, BreakerState::kOpen,
                                     nanoseconds(n)}},
                    .transitions_total = ++field,
                    .closed = nanoseconds(++field),
                    .open = nanoseconds(++field),
                    .half_open = nanoseconds(++field)};
  result.interrupted_by = static_cast<int>(n);
  result.drain_timed_out = n == 3;
  result.sequences_agree = n != 2;
  result.unsent_problem = std::to_string(n);
  result.oldest_not_stored = nanoseconds(++field);
  return result;
}

LaneResult merged(LaneResult a, const LaneResult& b) {
  a.merge(b);
  return a;
}

void check_same(const LaneResult& a, const LaneResult& b) {
  CHECK(a.start == b.start);
  CHECK(a.producers_done == b.producers_done);
  CHECK(a.consumers_done == b.consumers_done);
  CHECK(a.counts.scheduled == b.counts.scheduled);
  CHECK(a.counts.skipped == b.counts.skipped);
  CHECK(a.counts.produced == b.counts.produced);
  CHECK(a.counts.ends == b.counts.ends);
  CHECK(a.counts.retried_frames == b.counts.retried_frames);
  CHECK(a.counts.duplicates_suppressed == b.counts.duplicates_suppressed);
  CHECK(a.sequences_agree == b.sequences_agree);
  CHECK(a.samples.measured.produced == b.samples.measured.produced);
  CHECK(a.samples.warmup.produced == b.samples.warmup.produced);
  REQUIRE(a.self_check.threads.size() == b.self_check.threads.size());
  for (std::size_t i = 0; i < a.self_check.threads.size(); ++i) {
    CHECK(a.self_check.threads[i].index == b.self_check.threads[i].index);
  }
  CHECK(a.self_check.oversleep.count() == b.self_check.oversleep.count());
  CHECK(a.self_check.oversleep.max() == b.self_check.oversleep.max());
  CHECK(a.queue.capacity == b.queue.capacity);
  CHECK(a.queue.depth == b.queue.depth);
  CHECK(a.queue.depth_max == b.queue.depth_max);
  CHECK(a.queue.depth_mean == b.queue.depth_mean);
  CHECK(a.queue.blocked == b.queue.blocked);
  REQUIRE(a.errors.size() == b.errors.size());
  for (std::size_t i = 0; i < a.errors.size(); ++i) {
    CHECK(a.errors[i].first.error.code == b.errors[i].first.error.code);
    CHECK(a.errors[i].first.error.message == b.errors[i].first.error.message);
    CHECK(a.errors[i].count == b.errors[i].count);
  }
  CHECK(a.failure->message == b.failure->message);
  CHECK(a.breaker.state == b.breaker.state);
  REQUIRE(a.breaker.transitions.size() == b.breaker.transitions.size());
  for (std::size_t i = 0; i < a.breaker.transitions.size(); ++i) {
    CHECK(a.breaker.transitions[i].at == b.breaker.transitions[i].at);
  }
  CHECK(a.breaker.transitions_total == b.breaker.transitions_total);
  CHECK(a.breaker.closed == b.breaker.closed);
  CHECK(a.breaker.open == b.breaker.open);
  CHECK(a.breaker.half_open == b.breaker.half_open);
  CHECK(a.interrupted_by == b.interrupted_by);
  CHECK(a.drain_timed_out == b.drain_timed_out);
  CHECK(a.unsent_problem == b.unsent_problem);
  CHECK(a.oldest_not_stored == b.oldest_not_stored);
}

}  // namespace

TEST_CASE("lane result: merging is associative, field by field") {
  check_same(merged(merged(lane(1), lane(2)), lane(3)), merged(lane(1), merged(lane(2), lane(3))));
}

TEST_CASE("lane result: two different ones add up, or the first or the worse of them counts") {
  const LaneResult a = lane(1);
  const LaneResult b = lane(2);
  const LaneResult sum = merged(lane(1), b);
  CHECK(sum.start == b.start);
  CHECK(sum.producers_done == b.producers_done);
  CHECK(sum.consumers_done == b.consumers_done);
  CHECK(sum.counts.scheduled == a.counts.scheduled + b.counts.scheduled);
  CHECK(sum.counts.skipped == a.counts.skipped + b.counts.skipped);
  CHECK(sum.counts.produced == a.counts.produced + b.counts.produced);
  for (const Fate fate : kAllFates) {
    CHECK(sum.counts.ends[fate] == a.counts.ends[fate] + b.counts.ends[fate]);
  }
  CHECK(sum.counts.retried_frames == a.counts.retried_frames + b.counts.retried_frames);
  CHECK(sum.counts.duplicates_suppressed ==
        a.counts.duplicates_suppressed + b.counts.duplicates_suppressed);
  CHECK_FALSE(sum.sequences_agree);
  CHECK(sum.samples.measured.produced == a.samples.measured.produced + b.samples.measured.produced);
  CHECK(sum.samples.warmup.produced == a.samples.warmup.produced + b.samples.warmup.produced);
  REQUIRE(sum.self_check.threads.size() == 2);
  CHECK(sum.self_check.threads[1].index == b.self_check.threads[0].index);
  CHECK(sum.self_check.oversleep.count() == 3);
  CHECK(sum.queue.capacity == a.queue.capacity + b.queue.capacity);
  CHECK(sum.queue.depth == a.queue.depth + b.queue.depth);
  CHECK(sum.queue.depth_max == a.queue.depth_max + b.queue.depth_max);
  CHECK(sum.queue.depth_mean == a.queue.depth_mean + b.queue.depth_mean);
  CHECK(sum.queue.blocked == a.queue.blocked + b.queue.blocked);
  REQUIRE(sum.errors.size() == 3);  // one kind is in both
  CHECK(sum.errors[0].first.error.message == "1");
  CHECK(sum.errors[0].count == 3);
  CHECK(sum.errors[2].first.error.code == "2");
  CHECK(sum.failure->message == "1");
  CHECK(sum.breaker.state == "open");
  CHECK(sum.breaker.transitions.size() == 2);
  CHECK(sum.breaker.transitions_total == a.breaker.transitions_total + b.breaker.transitions_total);
  CHECK(sum.breaker.closed == a.breaker.closed + b.breaker.closed);
  CHECK(sum.breaker.open == a.breaker.open + b.breaker.open);
  CHECK(sum.breaker.half_open == a.breaker.half_open + b.breaker.half_open);
  CHECK(sum.interrupted_by == 1);
  CHECK(merged(lane(1), lane(3)).drain_timed_out);
  CHECK(sum.unsent_problem == "1");
  CHECK(sum.oldest_not_stored == b.oldest_not_stored);
}

TEST_CASE("lane result: what only the second has is taken over") {
  const LaneResult sum = merged(LaneResult(), lane(3));
  CHECK(sum.failure->message == "3");
  CHECK(sum.interrupted_by == 3);
  CHECK(sum.unsent_problem == "3");
  CHECK(sum.oldest_not_stored == lane(3).oldest_not_stored);
}
