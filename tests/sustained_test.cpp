#include "report/sustained.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <queue>
#include <random>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

// A run against servers that take what they take, all in virtual time.
struct Simulated {
  double rate = 500;
  double length_s = 1;
  double capacity = 450;  // rows a second, over all servers
  std::size_t servers = 1;
  std::size_t batch = 500;
  double linger_s = 0.005;
  // What a frame takes, of n rows: frame_s + n / (capacity / servers). With `by_frame` all of its
  // time is the frame's, and a full one makes up the capacity.
  bool by_frame = false;
  double stall_at_s = -1;  // nothing is committed for a time from here on
  double stall_s = 0;
  double jitter = 0;  // times up to this much longer, at random
  unsigned seed = 1;
};

RunReport run(const Simulated& s) {
  const auto count = static_cast<std::size_t>(s.rate * s.length_s);
  const auto due = [&](std::size_t n) { return static_cast<double>(n) / s.rate; };
  std::priority_queue<double, std::vector<double>, std::greater<>> idle_from;
  for (std::size_t i = 0; i < s.servers; ++i) idle_from.push(0);
  std::minstd_rand random(s.seed);
  RunReport report;
  double last_end = 0;
  for (std::size_t next = 0; next < count;) {
    double begin = std::max(idle_from.top(), due(next));
    idle_from.pop();
    const std::size_t last = std::min(count, next + s.batch) - 1;
    if (due(last) > begin) begin = std::min(due(last), begin + s.linger_s);
    std::size_t end_of_frame = next;
    while (end_of_frame <= last && due(end_of_frame) <= begin) ++end_of_frame;
    const double per_server = s.capacity / static_cast<double>(s.servers);
    const auto rows = static_cast<double>(s.by_frame ? s.batch : end_of_frame - next);
    double takes = rows / per_server;
    takes *= 1 + s.jitter * std::uniform_real_distribution<>()(random);
    double end = begin + takes;
    if (end > s.stall_at_s && begin < s.stall_at_s + s.stall_s) end += s.stall_s;
    idle_from.push(end);
    last_end = std::max(last_end, end);
    report.latency.stored.record(nanoseconds(static_cast<std::int64_t>(end * 1e9)),
                                 end_of_frame - next);
    next = end_of_frame;
  }
  report.profile = Profile::constant(s.rate);
  report.counts = {.scheduled = count, .produced = count, .ends = {{Fate::kStored, count}}};
  report.total_time = nanoseconds(static_cast<std::int64_t>(last_end * 1e9));
  return report;
}

std::optional<bool> judged(const Simulated& s) { return sustained(run(s)).rate_was; }

}  // namespace

TEST_CASE("sustained: never at 10 % less than the rate, whatever the batches") {
  int not_told = 0;
  for (const double rate : {5.0, 50.0, 500.0, 20'000.0}) {
    for (const double length_s : {0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0}) {
      for (const std::size_t servers : {1U, 5U, 50U}) {
        for (const std::size_t batch : {1U, 10U, 500U, 5000U}) {
          for (const double linger_s : {0.0, 0.005, 0.1, 1.0}) {
            for (const bool by_frame : {false, true}) {
              const Simulated s{.rate = rate,
                                .length_s = length_s,
                                .capacity = 0.9 * rate,
                                .servers = servers,
                                .batch = batch,
                                .linger_s = linger_s,
                                .by_frame = by_frame};
              if (by_frame && linger_s * rate < static_cast<double>(batch)) continue;
              CAPTURE(rate);
              CAPTURE(length_s);
              CAPTURE(servers);
              CAPTURE(batch);
              CAPTURE(linger_s);
              CAPTURE(by_frame);
              const auto was = judged(s);
              CHECK(was != true);
              not_told += was.has_value() ? 0 : 1;
            }
          }
        }
      }
    }
  }
  CHECK(not_told > 0);
}

TEST_CASE("sustained: no, as soon as a run is long enough to tell") {
  for (const double length_s : {1.0, 2.0, 5.0, 10.0, 60.0}) {
    for (const double share : {0.5, 0.8, 0.9, 0.93}) {
      CAPTURE(length_s);
      CAPTURE(share);
      CHECK(judged({.length_s = length_s, .capacity = 500 * share}) == false);
    }
  }
}

TEST_CASE("sustained: yes where the database is fast enough, from a second on") {
  for (const double length_s : {0.5, 1.0, 2.0, 5.0, 10.0, 60.0}) {
    for (const double share : {1.1, 1.5, 10.0, 100.0}) {
      for (unsigned seed = 1; seed <= 20; ++seed) {
        CAPTURE(length_s);
        CAPTURE(share);
        const Simulated s{.length_s = length_s,
                          .capacity = 500 * share,
                          .jitter = share > 1.2 ? 0.3 : 0.0,
                          .seed = seed};
        CHECK(judged(s) == true);
      }
    }
  }
}

TEST_CASE("sustained: a stall that was caught up changes nothing") {
  for (const double at_s : {0.0, 0.5, 1.2}) {
    CHECK(judged({.length_s = 2, .capacity = 5000, .stall_at_s = at_s, .stall_s = 0.3}) == true);
  }
  CHECK(judged({.length_s = 10, .capacity = 5000, .stall_at_s = 3, .stall_s = 2}) == true);
}

TEST_CASE("sustained: a stall that the run ended in cannot be told, and a long one no success") {
  const Simulated s{.length_s = 2, .capacity = 5000, .stall_at_s = 1.6, .stall_s = 0.6};
  const Sustained short_stall = sustained(run(s));
  CHECK(short_stall.rate_was == std::nullopt);
  CHECK(short_stall.unknown_because.find("stood still") != std::string::npos);
  CHECK(judged({.length_s = 2, .capacity = 5000, .stall_at_s = 1.6, .stall_s = 2}) == false);
}

TEST_CASE(
    "sustained: messages that all take long are no backlog, if the run is long against that") {
  // A far database: 200 ms a frame, of which many are on the way at a time.
  Simulated far{.length_s = 5,
                .capacity = 2500,
                .servers = 50,
                .batch = 10,
                .linger_s = 0.02,
                .by_frame = true};
  CHECK(judged(far) == true);
  far.length_s = 1;
  const Sustained too_short = sustained(run(far));
  CHECK(too_short.rate_was == std::nullopt);
  CHECK(too_short.unknown_because.find("too short") != std::string::npos);
}

TEST_CASE("sustained: of a run of some messages nothing is to be told, unless they came far late") {
  CHECK(judged({.length_s = 0.1, .capacity = 5000}) == std::nullopt);
  CHECK(judged({.length_s = 0.1, .capacity = 50}) == false);
  CHECK(judged({.rate = 1, .length_s = 1, .capacity = 0.9}) != true);
  CHECK(judged({.rate = 1, .length_s = 10, .capacity = 100}) == true);
}

TEST_CASE("sustained: a pause is no backlog") {
  // A second at 500/s, two without a message, and then one more; each is stored 10 ms later.
  const std::vector<Profile::Piece> pieces{{1s, 500, 500}, {2s, 0, 0}, {1s, 500, 500}};
  const auto was_sustained = [&](nanoseconds late) {
    RunReport report;
    report.profile = Profile::of_pieces(pieces);
    report.counts = {.scheduled = 501, .produced = 501, .ends = {{Fate::kStored, 501}}};
    for (int i = 0; i < 500; ++i) report.latency.stored.record(i * 2ms + 10ms, 1);
    report.latency.stored.record(3s + late, 1);
    report.total_time = 3s + late;
    return sustained(report).rate_was;
  };
  CHECK(was_sustained(10ms) == true);
  CHECK(was_sustained(500ms) == false);
}

TEST_CASE("sustained: no answer without a rate, or without a message") {
  RunReport report = run({.capacity = 5000});
  report.profile.reset();
  CHECK(sustained(report).rate_was == std::nullopt);
  CHECK(sustained(report).unknown_because.empty());
  report = {};
  report.profile = Profile::constant(500);
  CHECK(sustained(report).unknown_because == "no message was due");
}

TEST_CASE("sustained: only when every scheduled message was stored") {
  RunReport report = run({.capacity = 5000});
  CHECK(sustained(report).rate_was == true);
  report.counts.ends[Fate::kStored] -= 1;
  report.counts.ends[Fate::kUnsent] = 1;
  CHECK(sustained(report).rate_was == false);
  report = run({.capacity = 5000});
  report.counts.scheduled += 1;
  report.counts.skipped = 1;
  CHECK(sustained(report).rate_was == false);
}
