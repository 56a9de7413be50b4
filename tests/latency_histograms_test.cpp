#include "stats/latency_histograms.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kStart{std::chrono::hours(5)};

Message message(nanoseconds due, nanoseconds created, nanoseconds taken) {
  Message made;
  made.due = kStart + due;
  made.created = kStart + created;
  made.taken = kStart + taken;
  return made;
}

LatencyHistograms record(std::span<const Message> messages, nanoseconds begin, nanoseconds end) {
  LatencyHistograms latency;
  latency.record(messages, kStart, kStart + begin, kStart + end, (end - begin) / 3);
  return latency;
}

LatencyHistograms record_one_by_one(std::span<const Message> messages, nanoseconds begin,
                                    nanoseconds end) {
  LatencyHistograms latency;
  for (const Message& each : messages) {
    latency.record(std::span(&each, 1), kStart, kStart + begin, kStart + end, (end - begin) / 3);
  }
  return latency;
}

double sum(const Histogram& histogram) {
  return histogram.mean() * static_cast<double>(histogram.count());
}

struct Part {
  std::string_view name;
  Histogram LatencyHistograms::*histogram;
};
constexpr std::array kParts{Part{"response", &LatencyHistograms::response},
                            Part{"schedule_lag", &LatencyHistograms::schedule_lag},
                            Part{"queue_wait", &LatencyHistograms::queue_wait},
                            Part{"batch_wait", &LatencyHistograms::batch_wait},
                            Part{"write", &LatencyHistograms::write},
                            Part{"held_back", &LatencyHistograms::held_back}};

void check_same(const LatencyHistograms& a, const LatencyHistograms& b) {
  for (const Part& part : kParts) {
    CAPTURE(part.name);
    const Histogram& mine = a.*part.histogram;
    const Histogram& theirs = b.*part.histogram;
    CHECK(mine.count() == theirs.count());
    CHECK(mine.min() == theirs.min());
    CHECK(mine.max() == theirs.max());
    CHECK(mine.mean() == doctest::Approx(theirs.mean()).epsilon(1e-12));
    CHECK(std::abs(mine.stddev() - theirs.stddev()) <= 1e-6 * mine.mean());
    for (const double percent : {1.0, 25.0, 50.0, 75.0, 99.0}) {
      CHECK(mine.percentile(percent) == theirs.percentile(percent));
    }
  }
}

std::vector<Message> random_messages(std::mt19937_64& random, std::size_t count) {
  const auto up_to = [&](std::uint64_t most) {
    return nanoseconds(static_cast<std::int64_t>(random() % most));
  };
  std::vector<Message> messages;
  while (messages.size() < count) {
    const nanoseconds due = up_to(1'000'000);
    const nanoseconds created = due + up_to(50'000'000);
    const nanoseconds taken = created + up_to(900'000'000);
    messages.insert(messages.end(), 1 + random() % 5, message(due, created, taken));
  }
  return messages;
}

}  // namespace

TEST_CASE("latency: each part is the time between its two moments") {
  const std::vector messages{message(1ms, 3ms, 10ms)};
  const LatencyHistograms latency = record(messages, 25ms, 100ms);
  CHECK(latency.response.max() == 99e6);
  CHECK(latency.schedule_lag.max() == 2e6);
  CHECK(latency.queue_wait.max() == 7e6);
  CHECK(latency.batch_wait.max() == 15e6);
  CHECK(latency.write.max() == 75e6);
  CHECK(latency.held_back.max() == 25e6);
  for (const Part& part : kParts) CHECK((latency.*part.histogram).count() == 1);
}

TEST_CASE("latency: the parts add up to the whole") {
  std::mt19937_64 random(1);
  const auto messages = random_messages(random, 2'000);
  const LatencyHistograms latency = record(messages, 1s, 1'700ms);
  CHECK(sum(latency.response) ==
        doctest::Approx(sum(latency.schedule_lag) + sum(latency.queue_wait) +
                        sum(latency.batch_wait) + sum(latency.write))
            .epsilon(1e-12));
  for (const Part& part : kParts) {
    CAPTURE(part.name);
    CHECK((latency.*part.histogram).count() == messages.size());
  }
}

TEST_CASE("latency: equal messages counted in one go are counted one by one") {
  std::mt19937_64 random(2);
  const auto messages = random_messages(random, 500);
  check_same(record(messages, 1s, 1'700ms), record_one_by_one(messages, 1s, 1'700ms));
}

TEST_CASE("latency: messages that differ in one moment only are told apart") {
  const Message base = message(1ms, 10ms, 100ms);
  for (const Message& other :
       {message(5ms, 10ms, 100ms), message(1ms, 50ms, 100ms), message(1ms, 10ms, 500ms)}) {
    // At the front, in the middle and at the end of a group.
    for (const std::vector<Message>& messages :
         {std::vector{other, base, base, base}, std::vector{base, base, other, base},
          std::vector{base, base, base, other}}) {
      check_same(record(messages, 1s, 2s), record_one_by_one(messages, 1s, 2s));
    }
  }
}

TEST_CASE("latency: a message made before its time has no lag, and an empty frame no messages") {
  const std::vector early{message(5ms, 4ms, 6ms)};
  CHECK(record(early, 7ms, 8ms).schedule_lag.max() == 0);
  const LatencyHistograms none = record({}, 1ms, 2ms);
  for (const Part& part : kParts) CHECK((none.*part.histogram).count() == 0);
}

TEST_CASE("latency: frames add up") {
  LatencyHistograms latency;
  const std::vector first{message(0ms, 1ms, 2ms), message(0ms, 1ms, 2ms)};
  const std::vector second{message(0ms, 5ms, 7ms)};
  latency.record(first, kStart, kStart + 3ms, kStart + 4ms);
  latency.record(second, kStart, kStart + 9ms, kStart + 20ms);
  CHECK(latency.write.count() == 3);
  CHECK(latency.write.min() == 1e6);
  CHECK(latency.write.max() == 11e6);
  CHECK(latency.response.mean() == doctest::Approx(28e6 / 3));
}

TEST_CASE("latency: merging merges each of them, and only with its own kind") {
  for (const Part& part : kParts) {
    CAPTURE(part.name);
    LatencyHistograms mine;
    LatencyHistograms theirs;
    (mine.*part.histogram).record(1ms, 3);
    (theirs.*part.histogram).record(9ms, 2);
    mine.merge(theirs);
    for (const Part& other : kParts) {
      CAPTURE(other.name);
      CHECK((mine.*other.histogram).count() == (part.histogram == other.histogram ? 5 : 0));
    }
    CHECK((mine.*part.histogram).min() == 1e6);
    CHECK((mine.*part.histogram).max() == 9e6);
    CHECK((mine.*part.histogram).mean() == doctest::Approx(4.2e6));
  }
}
