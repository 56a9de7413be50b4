#include <doctest/doctest.h>

#include "cli/app.h"

namespace loadgen {
namespace {

// A moment's run into a database that keeps nothing, with these thresholds.
Finished run_with(const std::vector<std::string>& thresholds, const Arguments& more = {}) {
  Arguments arguments{"--db=null:", "--rps=1000", "--count=200"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  for (const std::string& threshold : thresholds) {
    arguments.insert(arguments.end(), {"--threshold", threshold});
  }
  AppRun run(arguments);
  return run.finish();
}

}  // namespace

TEST_CASE("threshold: those that hold leave the exit code at 0 and have a line each") {
  const Finished run = run_with({"p99 < 1h", "achieved>=98%", "stored==200"});
  CHECK(run.process.exit_code == 0);
  const Json& results = run.json.at("thresholds");
  REQUIRE(results.size() == 3);
  for (const Json& result : results) {
    CHECK(result.at("passed") == true);
    CHECK(result.at("aborted") == false);
  }
  CHECK(results[0].at("expression") == "p99 < 1h");
  CHECK(results[0].at("observed") == run.json.at("latency_us").at("response").at("p99"));
  CHECK(results[0].at("unit") == "us");
  CHECK(results[1].at("observed") == 100);
  CHECK(results[2].at("observed") == 200);
  CHECK(contains(run.process.out, "\nThreshold achieved>=98%: 100%, passed\n"));
  CHECK(contains(run.process.out, "\nThreshold stored==200: 200, passed\n"));
}

TEST_CASE("threshold: one that fails makes the exit code 99, and the verdict names it") {
  const Finished run = run_with({"stored==200", "p99<1ns"});
  CHECK(run.process.exit_code == 99);
  CHECK(run.json.at("exit_code") == 99);
  CHECK(run.json.at("thresholds")[0].at("passed") == true);
  CHECK(run.json.at("thresholds")[1].at("passed") == false);
  CHECK(contains(run.json.at("verdict"), "The threshold p99<1ns failed."));
  CHECK(contains(run.process.out, ", FAILED\n"));
}

TEST_CASE("threshold: without an audit nothing is known of lost messages, and it fails") {
  const Finished run = run_with({"lost==0"}, {"--verify=off"});
  CHECK(run.process.exit_code == 99);
  CHECK(run.json.at("thresholds")[0].at("observed").is_null());
  CHECK(contains(run.process.out, "\nThreshold lost==0: no samples, FAILED\n"));
}

TEST_CASE("threshold: losses are worse than a failed threshold") {
  const Finished run = run_with(
      {"p99<1ns"}, {"--queue-capacity=1", "--on-full=drop-new", "--rps=max", "--count=100k"});
  CHECK(run.json.at("counts").at("dropped") > 0);
  CHECK(run.process.exit_code == 3);
  CHECK(run.json.at("thresholds")[0].at("passed") == false);
}

TEST_CASE("threshold: abort ends the run long before its time, drained and reported") {
  const Finished run =
      run_with({"abort(1s): stored_rate >= 1M", "stored>0"}, {"--count=100M", "--duration=50"});
  CHECK(run.process.exit_code == 99);
  check_accounts(run);
  const Json& results = run.json.at("thresholds");
  CHECK(results[0].at("aborted") == true);
  CHECK(results[0].at("passed") == false);
  CHECK(results[0].at("observed") < 1e6);
  CHECK(results[1].at("aborted") == false);
  CHECK(results[1].at("passed") == true);
  CHECK(run.json.at("interrupted") == false);
  CHECK(run.json.at("counts").at("scheduled") < 45'000);
  CHECK(run.json.at("counts").at("stored") == run.json.at("counts").at("scheduled"));
  CHECK(contains(run.json.at("verdict"), "(which ended the run) failed."));
  CHECK(contains(run.process.err, "The threshold abort(1s): stored_rate >= 1M is broken ("));
  const Json& events = run.json.at("events");
  CHECK(std::any_of(events.begin(), events.end(),
                    [](const Json& event) { return event.at("kind") == "threshold"; }));
}

TEST_CASE("threshold: an abort whose window does not pass is judged at the end") {
  const Finished run = run_with({"abort(10m): p99<1ns"});
  CHECK(run.process.exit_code == 99);
  CHECK(run.json.at("thresholds")[0].at("aborted") == false);
  CHECK(run.json.at("counts").at("stored") == 200);
}

TEST_CASE("threshold: a wrong one is refused in one line that says what is allowed") {
  const TempDir directory;
  const auto refused = [&](const std::string& text) {
    const ProcessResult result = run_app({"--count=1", "--threshold=" + text}, directory.path());
    std::string line = check_refused(result, 2);
    CHECK(contains(line, "--threshold=" + text + ": "));
    return line;
  };
  CHECK(contains(refused("p99<50MB"), "after p99<: expected a duration, such as 50ms"));
  CHECK(contains(refused("acheived>=98%"), "did you mean achieved?"));
  CHECK(contains(refused("p99"), "after p99: expected <, <=, >, >= or =="));
  CHECK(contains(refused("achieved>=98"), "with its %"));
  CHECK(contains(refused("abort(0): p99<1s"), "from 1s to 10m"));
  CHECK(contains(refused("abort: lost==0"), "only after the audit"));
  CHECK(contains(refused(""), "such as p99<50ms or achieved>=98%"));
  CHECK(is_empty_directory(directory));
}

TEST_CASE("threshold: a hundred are enough") {
  const TempDir directory;
  Arguments arguments{"--count=1"};
  for (int i = 0; i < 101; ++i) arguments.emplace_back("--threshold=p99<1h");
  CHECK(contains(check_refused(run_app(arguments, directory.path()), 2),
                 "--threshold: 101 were given; expected at most 100"));
  CHECK(is_empty_directory(directory));
}

TEST_CASE("percentiles: the text result shows them, and the JSON has them besides its own") {
  const Finished run = run_with({}, {"--percentiles=75,99.95,100"});
  CHECK(run.process.exit_code == 0);
  CHECK(contains(run.process.out, "mean      p75   p99.95     p100      max\n"));
  for (const char* part : {"response", "schedule_lag", "queue_wait", "batch_wait", "write"}) {
    const Json& latency = run.json.at("latency_us").at(part);
    CHECK(latency.at("p75") <= latency.at("p99_95"));
    CHECK(latency.at("p100") == latency.at("max"));
    CHECK(latency.contains("p50"));
    CHECK(latency.contains("p99_99"));
  }
}

TEST_CASE("percentiles: a list with anything else in it is refused") {
  const TempDir directory;
  for (const std::string list :
       {"", "101", "-1", "50,", ",50", "50,50", "50,50.0", "50;90", "p50", "nan", "1e1", "50, 90",
        "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21", "0.0000001"}) {
    CAPTURE(list);
    const ProcessResult result = run_app({"--count=1", "--percentiles=" + list}, directory.path());
    CHECK(contains(check_refused(result, 2), "--percentiles=" + list + ": expected 1 to 20 "));
  }
  CHECK(is_empty_directory(directory));
}

}  // namespace loadgen
