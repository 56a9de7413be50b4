#include <doctest/doctest.h>

#include "cli/app.h"

namespace loadgen {
namespace {

std::uint64_t sum_over_samples(const Json& result, const char* key) {
  std::uint64_t sum = 0;
  for (const Json& sample : result["series"]["samples"]) sum += sample[key].get<std::uint64_t>();
  return sum;
}

}  // namespace

TEST_CASE("load shape: ramps produce exactly the integral of the rate") {
  for (const std::string arrival : {"even", "poisson"}) {
    AppRun app({"--stages=1s:1000,500ms:1000,0s:200,1s:200", "--arrival=" + arrival,
                "--db=sqlite:a.db", "--quiet"});
    const Finished run = app.finish();
    check_all_stored(run, 500 + 500 + 200);
    CHECK(run.json["config"]["arrival"] == arrival);
    CHECK(run.json["config"]["stages"] == "1s:1000,500ms:1000,0s:200,1s:200");
    CHECK(run.json["config"]["duration_s"] == 2.5);
    CHECK(run.json["config"]["rps"] == 0.0);
  }
}

TEST_CASE("load shape: --rps is where stages begin, and a rate of 0 is a pause") {
  AppRun app({"--rps=400", "--stages=500ms:400,0s:0,500ms:0,0s:100,1s:100", "--db=sqlite:a.db"});
  check_all_stored(app.finish(), 300);
}

TEST_CASE("load shape: stages take the place of --duration, and need a rate to begin at") {
  const auto refusal = [](const Arguments& arguments) {
    return check_refused(run_app(arguments), 2);
  };
  CHECK(contains(refusal({"--stages=1s:5", "--duration=5"}), "--duration"));
  CHECK(contains(refusal({"--stages=1s:5", "--rps=max"}), "--rps=max"));
  CHECK(contains(refusal({"--arrival=poisson", "--rps=max"}), "--arrival=poisson"));
  CHECK(contains(refusal({"--stages=1s:5", "--warmup=1s"}), "--warmup"));
  for (const std::string stages :
       {"", ":", "1s", "1s:", ":5", "1s:5,", ",1s:5", "1s:-5", "-1s:5", "1s:nan", "0s:5", "1s:0",
        "1s:5;1s:6", "1s:5:6", "400d:5,400d:5", "1s:2G"}) {
    CAPTURE(stages);
    CHECK(contains(refusal({"--stages=" + stages}), "parts D:R with a comma between them"));
  }
}

TEST_CASE("load shape: what the warm-up stores is stored and audited, and not measured") {
  AppRun app({"--rps=500", "--warmup=1s", "--duration=1s", "--db=sqlite:a.db", "--verify=full"});
  const Finished run = app.finish();
  check_all_stored(run, 1'000);
  const Json& warmup = run.json["warmup"];
  CHECK(warmup["duration_s"].get<double>() >= 1);
  CHECK(warmup["counts"]["stored"] == warmup["latency_us"]["response"]["count"]);
  CHECK(warmup["counts"]["stored"].get<int>() +
            run.json["latency_us"]["response"]["count"].get<int>() ==
        1'000);
  CHECK(run.json["rate"]["target_per_s"] == doctest::Approx(500));
  CHECK(run.json["audit"]["checked"] == 1'000);
  CHECK(contains(run.process.out, "after the warm-up of 1."));
}

TEST_CASE("load shape: a run that ends within its warm-up has measured nothing") {
  AppRun app({"--rps=500", "--warmup=1h", "--count=100", "--db=sqlite:a.db"});
  const Finished run = app.finish();
  check_all_stored(run, 100);
  CHECK(run.json["latency_us"]["response"]["count"] == 0);
  CHECK(contains(run.json["verdict"].get<std::string>(), "Nothing was measured"));
}

TEST_CASE("series: its samples add up to the counts, whatever became of the messages") {
  AppRun app({"--rps=max", "--duration=1500ms", "--queue-capacity=50", "--on-full=drop-new",
              "--db=sqlite:a.db", "--quiet"});
  const Finished run = app.finish();
  check_accounts(run);
  CHECK(run.json["series"]["samples"].size() >= 2);
  for (const char* const key : {"scheduled", "produced", "stored", "skipped", "dropped"}) {
    CAPTURE(key);
    CHECK(sum_over_samples(run.json, key) == run.json["counts"][key]);
  }
  double end = 0;
  for (const Json& sample : run.json["series"]["samples"]) {
    CHECK(sample["t_s"] > end);
    end = sample["t_s"];
  }
}

TEST_CASE("series: messages that were never sent are in its last sample") {
  AppRun app({"--rps=2000", "--duration=1s", "--db=sqlite:a.db", "--drain-timeout=100ms",
              "--queue-capacity=100k", "--consumers=1", "--batch-size=1", "--insert=single",
              "--quiet"});
  const Finished run = app.finish();
  check_accounts(run);
  const Json& counts = run.json["counts"];
  CHECK(sum_over_samples(run.json, "failed") ==
        counts["unsent"].get<std::uint64_t>() + counts["in_doubt"].get<std::uint64_t>());
  CHECK(sum_over_samples(run.json, "stored") == counts["stored"]);
}

TEST_CASE("series: --timeseries writes the same samples as CSV and as JSON Lines") {
  for (const std::string name : {"course.csv", "course.jsonl"}) {
    AppRun app({"--rps=500", "--duration=1500ms", "--db=sqlite:a.db", "--timeseries=" + name});
    const Finished run = app.finish();
    const auto lines = lines_of(read_file(app.file(name)));
    const Json& samples = run.json["series"]["samples"];
    if (name == "course.csv") {
      REQUIRE(lines.size() == samples.size() + 1);
      CHECK(lines[0].starts_with("t_s,scheduled,produced,stored,"));
      CHECK(lines[1].starts_with(samples[0]["t_s"].dump() + "," + samples[0]["scheduled"].dump()));
    } else {
      REQUIRE(lines.size() == samples.size());
      for (std::size_t i = 0; i < lines.size(); ++i) CHECK(Json::parse(lines[i]) == samples[i]);
    }
  }
  for (const std::string name : {"course.txt", "-", "csv", "absent/a.csv"}) {
    check_refused(run_app({"--timeseries=" + name, "--db=null:", "--count=1"}), 2);
  }
  check_refused(run_app({"--timeseries=/tmp/a.csv", "--hgrm=/tmp/a.csv", "--db=null:"}), 2);
}

TEST_CASE("result: it tells what each thread did, and what changed during the run") {
  AppRun app({"--rps=500", "--count=200", "--db=sqlite:a.db", "--producers=3", "--consumers=2"});
  const Finished run = app.finish();
  const Json& client = run.json["client"];
  REQUIRE(client["threads"].size() == 5);
  CHECK(client["threads"][0]["role"] == "producer");
  CHECK(client["threads"][2]["index"] == 2);
  CHECK(client["threads"][4]["role"] == "consumer");
  CHECK(client["threads"][4]["cpu_s"].get<double>() > 0);
  CHECK(client["oversleep_us"]["p99"] >= client["oversleep_us"]["p50"]);
  CHECK(run.json["bottleneck"]["kind"] == "none");
  REQUIRE_FALSE(run.json["events"].empty());
  CHECK(run.json["events"].back()["text"] == "production ended");
  CHECK(run.json["latency_us"]["uncorrected"]["count"] == run.json["batches"]["count"]);
}

}  // namespace loadgen
