#include "report/thresholds.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>

#include "options/parse_threshold.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

Threshold threshold(const std::string& text) { return std::get<Threshold>(parse_threshold(text)); }

// Each number another one.
RunReport report_of(const std::vector<std::string>& expressions) {
  RunReport report;
  for (const std::string& text : expressions) report.config.thresholds.push_back(threshold(text));
  report.counts = {.scheduled = 1'000,
                   .skipped = 200,
                   .produced = 800,
                   .ends = {{Fate::kStored, 700},
                            {Fate::kDeadLettered, 1},
                            {Fate::kDropped, 2},
                            {Fate::kSpooled, 60},
                            {Fate::kUnsent, 4},
                            {Fate::kInDoubt, 33}}};
  report.produce_time = 8s;
  report.total_time = 10s;
  report.latency.response.record(10ms, 700);
  report.latency.schedule_lag.record(1ms, 700);
  report.latency.queue_wait.record(2ms, 700);
  report.latency.batch_wait.record(3ms, 700);
  report.latency.write.record(4ms, 700);
  report.audit = {.mode = VerifyMode::kCount, .lost = 5, .duplicated = 6, .passed = false};
  SeriesSample sample;
  sample.end = 10s;
  sample.cpu_s = 15;
  report.series.add(std::move(sample));
  report.client.max_rss_bytes = 20'000'000;
  return report;
}

std::optional<double> observed_of(const std::string& text, const RunReport& base) {
  RunReport report;
  report.started = base.started;
  report.config.thresholds = {threshold(text)};
  report.counts = base.counts;
  report.produce_time = base.produce_time;
  report.total_time = base.total_time;
  report.latency.merge(base.latency);
  report.audit = base.audit;
  report.series = base.series;
  report.client = base.client;
  return judge_thresholds(report, std::nullopt).front().observed;
}

}  // namespace

TEST_CASE("thresholds: each figure is taken from its own place in the result") {
  const RunReport report = report_of({});
  CHECK(observed_of("stored==0", report) == 700);
  CHECK(observed_of("lost==0", report) == 5);
  CHECK(observed_of("dropped==0", report) == 2);
  CHECK(observed_of("skipped==0", report) == 200);
  CHECK(observed_of("dead_lettered==0", report) == 1);
  CHECK(observed_of("unsent==0", report) == 4);
  CHECK(observed_of("in_doubt==0", report) == 33);
  CHECK(observed_of("duplicated==0", report) == 6);
  CHECK(observed_of("stored_rate>0", report) == 70);
  CHECK(observed_of("produced_rate>0", report) == 100);
  CHECK(observed_of("error_rate<1%", report) == 5);  // 40 of the 800 that were made
  CHECK(observed_of("achieved>1%", report) == 70);
  CHECK(observed_of("cpu_cores<1", report) == 1.5);
  CHECK(observed_of("rss<1MB", report) == 20e6);
}

TEST_CASE("thresholds: each part of the response time is taken from its own histogram") {
  const RunReport report = report_of({});
  const auto about = [&](const std::string& text, double wanted) {
    CAPTURE(text);
    CHECK(observed_of(text, report).value_or(0) == doctest::Approx(wanted).epsilon(0.001));
  };
  about("p99<1s", 10e6);
  about("schedule_lag.p99<1s", 1e6);
  about("queue_wait.mean<1s", 2e6);
  about("batch_wait.max<1s", 3e6);
  about("write.p0<1s", 4e6);
}

TEST_CASE("thresholds: percentile, mean and maximum differ") {
  RunReport report;
  report.counts.scheduled = 100;
  report.latency.response.record(1ms, 90);
  report.latency.response.record(11ms, 10);
  CHECK(observed_of("p90<1s", report).value_or(0) == doctest::Approx(1e6).epsilon(0.001));
  CHECK(observed_of("p90.5<1s", report).value_or(0) == doctest::Approx(11e6).epsilon(0.001));
  CHECK(observed_of("mean<1s", report).value_or(0) == doctest::Approx(2e6));
  CHECK(observed_of("max<1s", report) == 11e6);
}

TEST_CASE("thresholds: without samples there is nothing observed, and it fails") {
  RunReport report = report_of({"p99<1s", "stored>=0", "dropped==0", "error_rate<=100%",
                                "achieved>=0%", "stored_rate>=0", "lost==0", "duplicated==0"});
  report.counts = {};
  report.latency.clear();
  report.audit = {};
  for (const ThresholdResult& result : judge_thresholds(report, std::nullopt)) {
    CAPTURE(result.threshold.expression);
    CHECK(!result.observed);
    CHECK_FALSE(result.passed);
    CHECK(observed_text(result) == "no samples");
  }
}

TEST_CASE("thresholds: an audit that did not come to its end says nothing of lost messages") {
  RunReport report = report_of({});
  report.audit.passed.reset();
  CHECK(!observed_of("lost==0", report));
}

TEST_CASE("thresholds: a run that did not start fails all of them") {
  RunReport report = report_of({"rss<1GB", "cpu_cores<100", "p99<1s"});
  report.started = false;
  report.counts = {};
  report.latency.clear();
  for (const ThresholdResult& result : judge_thresholds(report, std::nullopt)) {
    CHECK_FALSE(result.passed);
  }
}

TEST_CASE("thresholds: the warm-up does not count") {
  RunReport report = report_of({"stored>0", "achieved>0%", "cpu_cores>0"});
  report.warmup.emplace();
  report.warmup->duration = 10s;
  report.warmup->counts = {.scheduled = 500, .produced = 500, .ends = {{Fate::kStored, 500}}};
  SeriesSample sample;
  sample.begin = 10s;
  sample.end = 12s;
  sample.cpu_s = 1;
  report.series.add(std::move(sample));
  const auto results = judge_thresholds(report, std::nullopt);
  CHECK(results[0].observed == 200);
  CHECK(results[1].observed == 40);
  CHECK(results[2].observed == 0.5);
}

TEST_CASE("thresholds: the comparison is exact on both sides") {
  const auto passes_at = [](const std::string& sign, double observed) {
    return passes(threshold("dropped" + sign + "10"), observed);
  };
  for (const double value : {9.0, 10.0, 11.0}) {
    CAPTURE(value);
    CHECK(passes_at("<", value) == (value < 10));
    CHECK(passes_at("<=", value) == (value <= 10));
    CHECK(passes_at(">", value) == (value > 10));
    CHECK(passes_at(">=", value) == (value >= 10));
    CHECK(passes_at("==", value) == (value == 10));
  }
}

TEST_CASE("thresholds: the one that ended the run has failed, with what was seen then") {
  const RunReport report = report_of({"stored>0", "abort:p99<1s", "stored>0"});
  const auto results = judge_thresholds(report, BrokenThreshold{1, 2e9, 11s});
  REQUIRE(results.size() == 3);
  CHECK(results[0].passed);
  CHECK_FALSE(results[0].aborted);
  CHECK_FALSE(results[1].passed);
  CHECK(results[1].aborted);
  CHECK(results[1].observed == 2e9);
  CHECK(results[2].passed);
}

TEST_CASE("thresholds: what was observed is shown in its unit") {
  const auto shown = [](const std::string& text, double value) {
    return observed_text({threshold(text), value});
  };
  CHECK(shown("p99<1s", 9.006e6) == "9.01 ms");
  CHECK(shown("stored>0", 1'234'567) == "1,234,567");
  CHECK(shown("stored_rate>0", 499.96) == "500.0/s");
  CHECK(shown("achieved>0%", 100) == "100%");
  CHECK(shown("achieved>0%", 99.9998) == "99.9998%");
  CHECK(shown("cpu_cores<1", 0.256) == "0.26 cores");
  CHECK(shown("rss<1MB", 9'123'456) == "9.1 MB");
}
