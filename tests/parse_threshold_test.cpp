#include "options/parse_threshold.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

using Part = Threshold::Part;
using Statistic = Threshold::Statistic;
using Figure = Threshold::Figure;
using Comparison = Threshold::Comparison;

Threshold parsed(const std::string& text) {
  auto result = parse_threshold(text);
  const auto* const problem = std::get_if<std::string>(&result);
  CAPTURE(text);
  REQUIRE_MESSAGE(problem == nullptr, *problem);
  return std::get<Threshold>(std::move(result));
}

// "" when it is accepted.
std::string problem_of(const std::string& text) {
  const auto result = parse_threshold(text);
  const auto* const problem = std::get_if<std::string>(&result);
  return problem == nullptr ? "" : *problem;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool is_latency(const Threshold& threshold, Part part, Statistic statistic, double percentile) {
  return threshold.latency && threshold.latency->part == part &&
         threshold.latency->statistic == statistic && threshold.latency->percentile == percentile;
}

}  // namespace

TEST_CASE("threshold: a percentile of the response time with a duration") {
  const Threshold threshold = parsed("p99<50ms");
  CHECK(threshold.expression == "p99<50ms");
  CHECK(is_latency(threshold, Part::kResponse, Statistic::kPercentile, 99));
  CHECK(threshold.comparison == Comparison::kLess);
  CHECK(threshold.value == 50e6);
  CHECK(!threshold.abort_window);
}

TEST_CASE("threshold: any percentile from 0 to 100, with a point or an underscore") {
  const std::vector<std::pair<std::string, double>> percentiles{
      {"p0", 0},       {"p5", 5},         {"p50", 50},       {"p99.9", 99.9},
      {"p99_9", 99.9}, {"p99.95", 99.95}, {"p99_95", 99.95}, {"p99.999999", 99.999999},
      {"p100", 100}};
  for (const auto& each : percentiles) {
    CHECK(is_latency(parsed(each.first + "<1s"), Part::kResponse, Statistic::kPercentile,
                     each.second));
  }
  for (const std::string wrong : {"p", "p100.1", "p101", "p9999", "p-1", "p99.", "p.5", "p1.2.3",
                                  "p99._9", "p1e1", "pnan", "P99", "p99.9999999"}) {
    CHECK_FALSE(problem_of(wrong + "<1s").empty());
  }
}

TEST_CASE("threshold: mean and max, and each part of the response time") {
  CHECK(is_latency(parsed("mean<1s"), Part::kResponse, Statistic::kMean, 0));
  CHECK(is_latency(parsed("max<1s"), Part::kResponse, Statistic::kMax, 0));
  CHECK(is_latency(parsed("response.p99<1s"), Part::kResponse, Statistic::kPercentile, 99));
  CHECK(is_latency(parsed("schedule_lag.p99<1s"), Part::kScheduleLag, Statistic::kPercentile, 99));
  CHECK(is_latency(parsed("queue_wait.p99_9<1s"), Part::kQueueWait, Statistic::kPercentile, 99.9));
  CHECK(is_latency(parsed("batch_wait.mean<1s"), Part::kBatchWait, Statistic::kMean, 0));
  CHECK(is_latency(parsed("write.max<1s"), Part::kWrite, Statistic::kMax, 0));
}

TEST_CASE("threshold: every figure takes values of its own kind") {
  struct Row {
    std::string text;
    Figure figure;
    double value;
    ThresholdUnit unit;
  };
  const std::vector<Row> rows{
      {"stored>=10k", Figure::kStored, 10'000, ThresholdUnit::kMessages},
      {"lost==0", Figure::kLost, 0, ThresholdUnit::kMessages},
      {"dropped<1", Figure::kDropped, 1, ThresholdUnit::kMessages},
      {"skipped<=5", Figure::kSkipped, 5, ThresholdUnit::kMessages},
      {"dead_lettered==0", Figure::kDeadLettered, 0, ThresholdUnit::kMessages},
      {"unsent==0", Figure::kUnsent, 0, ThresholdUnit::kMessages},
      {"in_doubt==0", Figure::kInDoubt, 0, ThresholdUnit::kMessages},
      {"duplicated==0", Figure::kDuplicated, 0, ThresholdUnit::kMessages},
      {"stored_rate>49.5k", Figure::kStoredRate, 49'500, ThresholdUnit::kPerSecond},
      {"produced_rate>0", Figure::kProducedRate, 0, ThresholdUnit::kPerSecond},
      {"error_rate<0.1%", Figure::kErrorRate, 0.1, ThresholdUnit::kPercent},
      {"achieved>=98%", Figure::kAchieved, 98, ThresholdUnit::kPercent},
      {"cpu_cores<1.5", Figure::kCpuCores, 1.5, ThresholdUnit::kCores},
      {"rss<200MB", Figure::kRss, 200e6, ThresholdUnit::kBytes}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Threshold threshold = parsed(row.text);
    CHECK(!threshold.latency);
    CHECK(threshold.figure == row.figure);
    CHECK(threshold.value == row.value);
    CHECK(unit_of(threshold) == row.unit);
  }
}

TEST_CASE("threshold: five comparisons, and no other") {
  CHECK(parsed("p99<1s").comparison == Comparison::kLess);
  CHECK(parsed("p99<=1s").comparison == Comparison::kAtMost);
  CHECK(parsed("p99>1s").comparison == Comparison::kGreater);
  CHECK(parsed("p99>=1s").comparison == Comparison::kAtLeast);
  CHECK(parsed("p99==1s").comparison == Comparison::kEqual);
  for (const std::string wrong : {"p99=1s", "p99!=1s", "p99 1s", "p99", "p99=<1s", "p99:1s"}) {
    CAPTURE(wrong);
    CHECK(problem_of(wrong) == "after p99: expected <, <=, >, >= or ==");
  }
  for (const std::string wrong : {"p99<<1s", "p99<>1s", "p99< =1s", "p99===1s", "p99<"}) {
    CAPTURE(wrong);
    CHECK(contains(problem_of(wrong), "expected a duration, such as 50ms"));
  }
}

TEST_CASE("threshold: blanks are free between words, and not within them") {
  const Threshold threshold = parsed("  abort ( 30s ) :  queue_wait.p99  <=  1 s ");
  CHECK(threshold.abort_window == 30s);
  CHECK(is_latency(threshold, Part::kQueueWait, Statistic::kPercentile, 99));
  CHECK(threshold.value == 1e9);
  CHECK(parsed("p99 < 1m 30s").value == 90e9);
  CHECK(parsed("achieved >= 98 %").value == 98);
  for (const std::string wrong : {"p 99<1s", "p99 < 1 0ms", "p99<1. 5s", "p99<1\ts", "p99<\n1s",
                                  "achieved>=9 8%", "queue_wait .p99<1s"}) {
    CAPTURE(wrong);
    CHECK_FALSE(problem_of(wrong).empty());
  }
}

TEST_CASE("threshold: abort has a window of 10 s, or of its own") {
  CHECK(parsed("abort:p99<1s").abort_window == 10s);
  CHECK(parsed("abort: error_rate <= 0.5%").abort_window == 10s);
  CHECK(parsed("abort(1s):p99<1s").abort_window == 1s);
  CHECK(parsed("abort(10m):p99<1s").abort_window == 10min);
  for (const std::string wrong : {"abort(0):p99<1s", "abort(999ms):p99<1s", "abort(601s):p99<1s",
                                  "abort():p99<1s", "abort(x):p99<1s", "abort(-1s):p99<1s"}) {
    CAPTURE(wrong);
    CHECK(contains(problem_of(wrong), "from 1s to 10m"));
  }
  CHECK(problem_of("abort(30s:p99<1s") == "after abort(30s: expected )");
  CHECK(contains(problem_of("abort(30s) p99<1s"), "expected a colon"));
  CHECK(contains(problem_of("abort p99<1s"), "expected a colon"));
  CHECK(contains(problem_of("abort:"), "expected a metric"));
  CHECK(contains(problem_of("abort:abort:p99<1s"), "abort is no metric"));
}

TEST_CASE("threshold: what only the audit knows cannot abort a run") {
  CHECK(contains(problem_of("abort:lost==0"), "lost is known only after the audit"));
  CHECK(contains(problem_of("abort:duplicated==0"), "duplicated is known only after the audit"));
}

TEST_CASE("threshold: a mistyped metric gets the nearest one, and all that there are") {
  CHECK(contains(problem_of("acheived>=98%"), "acheived is no metric; did you mean achieved?"));
  CHECK(contains(problem_of("lots==0"), "did you mean lost?"));
  CHECK(contains(problem_of("queue_wiat.p99<1s"), "did you mean queue_wait.p99?"));
  CHECK(contains(problem_of("p101<1s"), "p101 is no metric"));
  CHECK(contains(problem_of("latency<1s"), "p0 to p100, max and mean"));
  CHECK(contains(problem_of("latency<1s"), "dead_lettered"));
  CHECK(contains(problem_of("write<1s"), "did you mean write.p"));
}

TEST_CASE("threshold: a value of another kind is refused, and the right kind is named") {
  CHECK(problem_of("p99<50MB") == "after p99<: expected a duration, such as 50ms");
  CHECK(problem_of("achieved>=98") ==
        "after achieved>=: expected a percentage from 0% to 100%, with its %, such as 98%");
  CHECK(contains(problem_of("achieved>=101%"), "from 0% to 100%"));
  CHECK(contains(problem_of("error_rate<-1%"), "from 0% to 100%"));
  CHECK(contains(problem_of("lost==0.5"), "a number of messages"));
  CHECK(contains(problem_of("lost==-1"), "a number of messages"));
  CHECK(contains(problem_of("lost==0%"), "a number of messages"));
  CHECK(contains(problem_of("stored_rate>500/s"), "a rate per second"));
  CHECK(contains(problem_of("cpu_cores<nan"), "CPU cores"));
  CHECK(contains(problem_of("cpu_cores<1e3"), "CPU cores"));
  CHECK(contains(problem_of("rss<10ms"), "a size"));
  CHECK(contains(problem_of("p99<50ms and p50<1ms"), "a duration"));
}

TEST_CASE("threshold: nothing, or too much") {
  for (const std::string nothing : {"", " ", "<1s", "%", "\xff", "--quiet"}) {
    CAPTURE(nothing);
    CHECK(problem_of(nothing) ==
          "expected a metric, a comparison and a value, such as p99<50ms or achieved>=98%");
  }
  CHECK(problem_of("p99<1s" + std::string(194, ' ')).empty());
  CHECK(problem_of("p99<1s" + std::string(195, ' ')) == "expected at most 200 characters");
}

TEST_CASE("threshold: every metric is read back from its name, whatever stands around it") {
  for (const std::string metric : {"p50", "max", "mean", "write.p99", "schedule_lag.max"}) {
    for (const std::string sign : {"<", "<=", ">", ">=", "=="}) {
      const Threshold plain = parsed(metric + sign + "10ms");
      const Threshold spaced = parsed(" " + metric + "  " + sign + " 10ms  ");
      CHECK(plain.latency->part == spaced.latency->part);
      CHECK(plain.latency->percentile == spaced.latency->percentile);
      CHECK(plain.comparison == spaced.comparison);
      CHECK(plain.value == spaced.value);
    }
  }
}
