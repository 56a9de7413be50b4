#include "run/abort_watch.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>
#include <vector>

#include "options/parse_threshold.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

std::vector<Threshold> thresholds(const std::vector<std::string>& expressions) {
  std::vector<Threshold> all;
  for (const std::string& text : expressions) {
    all.push_back(std::get<Threshold>(parse_threshold(text)));
  }
  return all;
}

// Feeds a watch second by second.
class Seconds {
 public:
  explicit Seconds(const std::vector<std::string>& expressions) : watch_(thresholds(expressions)) {}

  // A second in which this many messages were stored, with this response time.
  std::optional<BrokenThreshold> next(nanoseconds response, std::uint64_t stored = 100) {
    Sample counted;
    counted.latency.response.record(response, stored);
    counted.latency.write.record(response / 2, stored);
    SeriesSample sample = empty();
    sample.scheduled = sample.produced = stored;
    sample.ends[Fate::kStored] = stored;
    sample.cpu_s = 0.5;
    return watch_.add(counted, sample, 1'000'000);
  }
  std::optional<BrokenThreshold> next_empty(std::uint64_t queue_depth) {
    SeriesSample sample = empty();
    sample.queue_depth = queue_depth;
    return watch_.add(Sample(), sample, 1'000'000);
  }

 private:
  SeriesSample empty() {
    SeriesSample sample;
    sample.begin = now_;
    now_ += 1s;
    sample.end = now_;
    return sample;
  }

  AbortWatch watch_;
  nanoseconds now_{0};
};

}  // namespace

TEST_CASE("abort watch: without abort there is nothing to watch") {
  CHECK_FALSE(AbortWatch(thresholds({"p99<1ms", "stored>0"})).watches());
  Seconds seconds({"p99<1ms"});
  for (int i = 0; i < 20; ++i) CHECK(!seconds.next(1s));
}

TEST_CASE("abort watch: a broken threshold ends the run after its window, not before") {
  Seconds seconds({"abort:p99<50ms"});
  for (int i = 1; i < 10; ++i) CHECK(!seconds.next(80ms));
  const auto broken = seconds.next(80ms);
  REQUIRE(broken);
  CHECK(broken->index == 0);
  CHECK(broken->at == 10s);
  CHECK(broken->observed.value_or(0) == doctest::Approx(80e6).epsilon(0.001));
}

TEST_CASE("abort watch: only the last window counts") {
  Seconds seconds({"abort(3s):p50<50ms"});
  for (int i = 0; i < 5; ++i) CHECK(!seconds.next(10ms));
  CHECK(!seconds.next(80ms));
  CHECK(seconds.next(80ms));
}

TEST_CASE("abort watch: the window is a sum over its seconds, which forgets older ones") {
  Seconds seconds({"abort(3s):stored>=300"});
  CHECK(!seconds.next(1ms, 500));
  CHECK(!seconds.next(1ms, 0));
  CHECK(!seconds.next(1ms, 0));
  const auto broken = seconds.next(1ms, 0);
  REQUIRE(!broken);  // nothing was scheduled in these three seconds
  CHECK(!seconds.next(1ms, 300));
  CHECK(!seconds.next(1ms, 1));
  CHECK(!seconds.next(1ms, 1));
  CHECK(seconds.next(1ms, 1)->observed == 3);
}

TEST_CASE("abort watch: rates and cores are per second of the window") {
  Seconds rate({"abort(2s):stored_rate>=100"});
  CHECK(!rate.next(1ms, 100));
  CHECK(!rate.next(1ms, 100));
  CHECK(rate.next(1ms, 98)->observed == 99);
  Seconds cores({"abort(2s):cpu_cores<0.5"});
  CHECK(!cores.next(1ms));
  CHECK(cores.next(1ms)->observed == 0.5);
  Seconds memory({"abort(1s):rss<1MB"});
  CHECK(memory.next(1ms)->observed == 1e6);
}

TEST_CASE("abort watch: a target that stores nothing while messages wait breaks a latency") {
  Seconds hung({"abort(2s):p99<1s"});
  CHECK(!hung.next_empty(10));
  const auto broken = hung.next_empty(10);
  REQUIRE(broken);
  CHECK(!broken->observed);
  Seconds paused({"abort(2s):p99<1s"});
  for (int i = 0; i < 5; ++i) CHECK(!paused.next_empty(0));
}

TEST_CASE("abort watch: each threshold has its own window, part and place among all") {
  Seconds seconds({"stored>0", "abort(5s):p99<50ms", "max<1s", "abort(2s):write.p99<50ms"});
  CHECK(!seconds.next(80ms));
  CHECK(!seconds.next(80ms));
  CHECK(!seconds.next(80ms));
  CHECK(!seconds.next(80ms));
  const auto broken = seconds.next(80ms);
  REQUIRE(broken);
  CHECK(broken->index == 1);
  Seconds write({"stored>0", "abort(5s):p99<50ms", "abort(2s):write.p99<50ms"});
  CHECK(!write.next(110ms));
  const auto by_write = write.next(110ms);
  REQUIRE(by_write);
  CHECK(by_write->index == 2);
  CHECK(by_write->observed.value_or(0) == doctest::Approx(55e6).epsilon(0.001));
}
