#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>

#include "options/parse_threshold.h"
#include "report/judge.h"
#include "report/result_document.h"
#include "report/text_report.h"
#include "support/process.h"

using namespace loadgen;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

// Ten seconds at 500 a second into SQLite that went as they should.
RunReport sustained_report() {
  RunReport report;
  report.run_id = 1'882'460'106'754'225'421;
  report.started_at = WallTime(1'769'860'800'123ms);
  report.ended_at = report.started_at + 10'004ms;
  report.config.seed = 42;
  report.profile = Profile::constant(500);
  report.config.insert = InsertMethod::kMulti;
  report.environment = {"box", "Linux 6.1", "Some CPU", 2};
  report.database = {.kind = "sqlite",
                     .version = "3.40.1",
                     .insert = InsertMethod::kMulti,
                     .durability = {{"journal_mode", "wal"}, {"synchronous", "full"}}};
  report.counts = {.scheduled = 5'000, .produced = 5'000, .ends = {{Fate::kStored, 5'000}}};
  report.produce_time = 9'998'100us;
  report.drain_time = 5'900us;
  report.total_time = 10'004ms;
  report.latency.response.record(2ms, 4'900);
  report.latency.response.record(9ms, 100);
  report.latency.schedule_lag.record(30us, 5'000);
  report.latency.queue_wait.record(900ns, 5'000);
  report.latency.batch_wait.record(1'200us, 5'000);
  report.latency.write.record(769'100ns, 4'900);
  report.latency.write.record(7'769'100ns, 100);
  for (int i = 1; i <= 1'000; ++i) report.latency.stored.record(i * 10ms, 5);
  report.queue = {
      .capacity = 10'000, .depth = 0, .depth_max = 12, .depth_mean = 0.5, .blocked = 0ns};
  report.frames = {.full = 0, .linger = 1'249, .drain = 1};
  report.writing = 961ms;
  report.client = {.cpu_user_s = 0.251, .cpu_system_s = 0.119, .max_rss_bytes = 9'123'456};
  report.audit = {.mode = VerifyMode::kCount, .checked = 5'000, .passed = true};
  report.verdict = verdict(report);
  report.exit_code = exit_code(report);
  return report;
}

// Everything that can be in a result is in it, each number another one.
RunReport full_report() {
  RunReport report;
  report.run_id = 77;
  report.started_at = WallTime(1'769'860'800'000ms);
  report.ended_at = WallTime(1'769'860'812'345ms);
  report.config = {.producers = 3,
                   .rps = std::nullopt,
                   .duration = 12'500ms,
                   .count = 2'000'000,
                   .burst = 17,
                   .max_lag = 250ms,
                   .message_size = 100,
                   .seed = std::numeric_limits<std::uint64_t>::max(),
                   .queue_capacity = 2'048,
                   .on_full = OnFull::kDropOld,
                   .spool = "spool",
                   .consumers = 4,
                   .batch_size = 250,
                   .linger = 1'500us,
                   .db = "postgres://user:SECRET@host/bench?sslmode=require",
                   .table = "Order\n\"Lines\"",
                   .insert = InsertMethod::kCopy,
                   .durability = Durability::kRelaxed,
                   .unsent = "unsent.jsonl",
                   .drain_timeout = 30s,
                   .verify = VerifyMode::kFull,
                   .json = "result.json"};
  report.environment = {"box", "Linux 6.1", "Some CPU", 8};
  report.database = {.kind = "postgres",
                     .version = "15.6",
                     .insert = InsertMethod::kCopy,
                     .durability = {{"fsync", "off"}, {"synchronous_commit", "off"}}};
  report.counts = {.scheduled = 1'500'021,
                   .skipped = 21,
                   .produced = 1'500'000,
                   .ends = {{Fate::kStored, 1'234'567},
                            {Fate::kDeadLettered, 31},
                            {Fate::kDropped, 200'000},
                            {Fate::kSpooled, 41},
                            {Fate::kUnsent, 65'111},
                            {Fate::kInDoubt, 250}},
                   .retried_frames = 51,
                   .duplicates_suppressed = 61};
  report.resumed = {{.run_id = 76,
                     .frames = 3,
                     .stored = 1'200,
                     .already_present = 400,
                     .dead_lettered = 2,
                     .damaged = 1,
                     .audit = {.mode = VerifyMode::kFull,
                               .checked = 5'000,
                               .lost = 1,
                               .duplicated = 2,
                               .unexpected = 3,
                               .corrupted = 4,
                               .passed = false}},
                    {.run_id = 75, .audit = {.passed = true}}};
  report.produce_time = 10s;
  report.drain_time = 2'250ms;
  report.total_time = 12'250ms;
  report.oldest_not_stored = 11'500ms;
  report.latency.response.record(1s, 10);
  report.latency.schedule_lag.record(1us, 11);
  report.latency.queue_wait.record(900ms, 12);
  report.latency.batch_wait.record(1'234ns, 13);
  for (int i = 1; i <= 1'000; ++i) report.latency.write.record(i * 100us);
  report.latency.held_back.record(40ms, 14);
  report.queue = {.capacity = 2'048,
                  .depth = 5,
                  .depth_max = 2'047,
                  .depth_mean = 1'999.25,
                  .blocked = 8'500ms};
  report.frames = {.full = 4'900, .linger = 35, .drain = 4};
  report.writing = 40s;
  report.client = {.cpu_user_s = 1.5, .cpu_system_s = 0.75, .max_rss_bytes = 20'000'000};
  report.audit = {.mode = VerifyMode::kFull,
                  .checked = 1'234'600,
                  .lost = 2,
                  .duplicated = 3,
                  .unexpected = 5,
                  .corrupted = 7,
                  .recovered = 11,
                  .passed = false};
  report.errors = {{"57P01", "fatal", 4, "terminating connection"}, {"audit", "in_doubt", 1, "x"}};
  report.breaker = {
      .state = "half-open", .transitions_total = 4, .closed = 8s, .open = 3s, .half_open = 500ms};
  const auto threshold = [](std::string_view text) {
    return std::get<Threshold>(parse_threshold(text));
  };
  report.thresholds = {
      {.threshold = threshold("abort: p99 < 50ms"), .observed = 1.25e9, .aborted = true},
      {.threshold = threshold("stored>=1M"), .observed = 1'234'567, .passed = true},
      {.threshold = threshold("lost==0")}};
  report.interrupted_by = SIGINT;
  report.failure = report.errors.front();
  report.verdict = verdict(report);
  report.exit_code = exit_code(report);
  return report;
}

std::string golden(const std::string& name) { return read_file(LOADGEN_GOLDEN_DIR "/" + name); }

json parsed(const RunReport& report) { return json::parse(json_report(report)); }

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& item : object.items()) names.insert(item.key());
  return names;
}

}  // namespace

TEST_CASE("text report: begins with the two lines scripts look for") {
  CHECK(text_report(sustained_report())
            .starts_with("Produced: 5000 | Consumed: 5000\n"
                         "Time taken to consume all messages: 10.004s\n"));
  CHECK(text_report(full_report())
            .starts_with("Produced: 1500000 | Consumed: 1234567\n"
                         "Time taken to consume all messages: 12.250s\n"));
}

TEST_CASE("text report: a run that went well") {
  CHECK(text_report(sustained_report()) == golden("sustained.txt"));
}

TEST_CASE("text report: a run with every trouble there is") {
  CHECK(text_report(full_report()) == golden("trouble.txt"));
}

TEST_CASE("text report: a run that stored nothing and was not audited") {
  RunReport report;
  report.run_id = 1;
  report.config.rps.reset();
  report.config.db = "null:";
  report.database.kind = "null";
  report.database.version = "1";
  report.environment.cpu_count = 1;
  report.verdict = verdict(report);
  CHECK(text_report(report) == golden("nothing.txt"));
}

TEST_CASE("text report: every line ends, none holds a secret or a control character") {
  for (const std::string& text : {text_report(sustained_report()), text_report(full_report())}) {
    CHECK(text.ends_with("\n"));
    CHECK_FALSE(contains(text, "SECRET"));
    for (const char c : text) {
      if (c != '\n' && c < ' ') FAIL_CHECK("control character " << int{c});
    }
  }
}

TEST_CASE("text report: says of which messages the latencies are") {
  RunReport report = sustained_report();
  CHECK_FALSE(contains(text_report(report), "out of"));
  report.counts.ends[Fate::kStored] = 1'842;
  CHECK(contains(text_report(report), "\n  Of the 1,842 messages stored, out of 5,000.\n"));
  report.oldest_not_stored = 12'300ms;
  CHECK(contains(text_report(report),
                 "out of 5,000; the oldest of the others was due 12.3 s before the end.\n"));
}

TEST_CASE("text report: what was in doubt and found is said where it is counted") {
  RunReport report = sustained_report();
  report.counts.ends[Fate::kStored] -= 2'500;
  report.counts.ends[Fate::kInDoubt] = 2'500;
  CHECK(contains(text_report(report), "in doubt 2,500\n"));
  report.audit.recovered = 2'400;
  CHECK(contains(text_report(report), "in doubt 2,500 (2,400 found stored)\n"));
}

TEST_CASE("text report: settings that may undo a commit are warned about") {
  CHECK_FALSE(contains(text_report(sustained_report()), "WARNING"));
  for (const auto& [setting, value] : {std::pair("fsync", "off"), std::pair("table", "unlogged"),
                                       std::pair("full_page_writes", "off")}) {
    RunReport report = sustained_report();
    report.database.durability = {{setting, value}};
    CHECK(contains(text_report(report),
                   "\nWARNING   " + std::string(setting) + " is " + value +
                       ": a crash of the server may lose what counts as stored\n"));
    report.database.durability = {{setting, "on"}};
    CHECK_FALSE(contains(text_report(report), "WARNING"));
  }
}

TEST_CASE("text report: a law that does not balance is pointed at") {
  RunReport report = sustained_report();
  CHECK_FALSE(contains(text_report(report), "DOES NOT BALANCE"));
  report.counts.ends[Fate::kStored] -= 1;
  CHECK(contains(text_report(report), "DOES NOT BALANCE"));
}

TEST_CASE("text report: an audit that was cut short is called so") {
  RunReport report = sustained_report();
  report.audit.passed.reset();
  CHECK(contains(text_report(report), "Audit     not finished: 5,000 rows"));
}

TEST_CASE("text report: a rate is called sustained or not only when one was asked for") {
  RunReport report = sustained_report();
  CHECK(contains(text_report(report), "/s, sustained\n"));
  report.total_time = 20s;
  CHECK(contains(text_report(report), "/s, NOT sustained\n"));
  report.profile.reset();
  CHECK(contains(text_report(report), "wanted max, "));
  CHECK_FALSE(contains(text_report(report), "sustained\n"));
}

TEST_CASE("json report: every key holds what it says, in the unit it says") {
  const json report = parsed(full_report());
  const std::pair<std::string_view, json> expected[] = {
      {"/schema_version", 1},
      {"/run_id", "77"},
      {"/started_at", "2026-01-31T12:00:00.000Z"},
      {"/ended_at", "2026-01-31T12:00:12.345Z"},
      {"/exit_code", 1},
      {"/interrupted", true},
      {"/config/producers", 3},
      {"/config/consumers", 4},
      {"/config/rps", nullptr},
      {"/config/duration_s", 12.5},
      {"/config/count", 2'000'000},
      {"/config/burst", 17},
      {"/config/max_lag_ms", 250.0},
      {"/config/message_size", 100},
      {"/config/seed", std::numeric_limits<std::uint64_t>::max()},
      {"/config/seed_text", "18446744073709551615"},
      {"/config/queue_capacity", 2'048},
      {"/config/on_full", "drop-old"},
      {"/config/spool", "spool"},
      {"/config/unsent", "unsent.jsonl"},
      {"/resumed/0/run_id", "76"},
      {"/resumed/0/frames", 3},
      {"/resumed/0/stored", 1'200},
      {"/resumed/0/already_present", 400},
      {"/resumed/0/dead_lettered", 2},
      {"/resumed/0/damaged", 1},
      {"/resumed/0/audit/lost", 1},
      {"/resumed/0/audit/duplicated", 2},
      {"/resumed/0/audit/passed", false},
      {"/config/batch_size", 250},
      {"/config/linger_ms", 1.5},
      {"/config/db", "postgres://user:***@host/bench?sslmode=require"},
      {"/config/table", "Order\n\"Lines\""},
      {"/config/insert", "copy"},
      {"/config/durability", "relaxed"},
      {"/config/drain_timeout_s", 30.0},
      {"/config/verify", "full"},
      {"/environment/hostname", "box"},
      {"/environment/os", "Linux 6.1"},
      {"/environment/cpu_model", "Some CPU"},
      {"/environment/cpu_count", 8},
      {"/environment/database/kind", "postgres"},
      {"/environment/database/version", "15.6"},
      {"/environment/database/durability", {{"fsync", "off"}, {"synchronous_commit", "off"}}},
      {"/counts/scheduled", 1'500'021},
      {"/counts/skipped", 21},
      {"/counts/produced", 1'500'000},
      {"/counts/stored", 1'234'567},
      {"/counts/dead_lettered", 31},
      {"/counts/dropped", 200'000},
      {"/counts/spooled", 41},
      {"/counts/unsent", 65'111},
      {"/counts/in_doubt", 250},
      {"/counts/retried_frames", 51},
      {"/counts/duplicates_suppressed", 61},
      {"/rate/target_per_s", nullptr},
      {"/rate/produced_per_s", 150'000.0},
      {"/rate/sustained", nullptr},
      {"/rate/sustained_reason", nullptr},
      {"/time_s/produce", 10.0},
      {"/time_s/drain", 2.25},
      {"/time_s/total", 12.25},
      {"/time_s/oldest_not_stored", 11.5},
      {"/latency_us/response/count", 10},
      {"/latency_us/response/max", 1e6},
      {"/latency_us/schedule_lag/count", 11},
      {"/latency_us/schedule_lag/max", 1.0},
      {"/latency_us/queue_wait/count", 12},
      {"/latency_us/queue_wait/mean", 900e3},
      {"/latency_us/batch_wait/count", 13},
      {"/latency_us/batch_wait/min", 1.234},
      {"/latency_us/batch_wait/stddev", 0.0},
      {"/latency_us/write/count", 1'000},
      {"/latency_us/write/min", 100.0},
      {"/latency_us/write/mean", 50'050.0},
      {"/latency_us/write/stddev", 28'867.499},
      {"/latency_us/write/max", 100e3},
      {"/queue/capacity", 2'048},
      {"/queue/depth_max", 2'047},
      {"/queue/depth_mean", 1'999.25},
      {"/queue/blocked_s", 8.5},
      {"/batches/count", 4'939},
      {"/batches/full", 4'900},
      {"/batches/linger", 35},
      {"/batches/drain", 4},
      {"/client/cpu_user_s", 1.5},
      {"/client/cpu_system_s", 0.75},
      {"/client/max_rss_bytes", 20'000'000},
      {"/breaker/state", "half-open"},
      {"/breaker/transitions", 4},
      {"/breaker/closed_s", 8.0},
      {"/breaker/open_s", 3.0},
      {"/breaker/half_open_s", 0.5},
      {"/config/delivery", "exactly-once"},
      {"/config/retries", nullptr},
      {"/config/retry_delay_ms/0", 50.0},
      {"/config/retry_delay_ms/1", 10'000.0},
      {"/config/timeout_s", 30.0},
      {"/config/connect_wait_s", 10.0},
      {"/config/dead_letter", "dead-letter.jsonl"},
      {"/config/max_dead_letters", 10'000},
      {"/config/breaker", "on"},
      {"/audit/mode", "full"},
      {"/audit/checked", 1'234'600},
      {"/audit/lost", 2},
      {"/audit/duplicated", 3},
      {"/audit/unexpected", 5},
      {"/audit/corrupted", 7},
      {"/audit/recovered", 11},
      {"/audit/passed", false},
      {"/errors/0/code", "57P01"},
      {"/errors/0/class", "fatal"},
      {"/errors/0/count", 4},
      {"/errors/0/message", "terminating connection"},
      {"/errors/1/class", "in_doubt"},
      {"/verdict",
       "Ended early by SIGINT: the run failed: terminating connection (57P01). Of 1,500,021 "
       "messages "
       "1,234,567 were stored, 21 skipped, 200,000 dropped, 31 dead-lettered, 41 spooled, 65,111 "
       "unsent, 250 in doubt, of which 11 found stored. 2 thresholds failed: abort: p99 < 50ms "
       "(which ended the run), lost==0. Not all messages of an earlier run were delivered."},
  };
  for (const auto& c : expected) {
    CAPTURE(c.first);
    const json::json_pointer at{std::string(c.first)};
    REQUIRE(report.contains(at));
    CHECK(report.at(at) == c.second);
  }
  CHECK(report["rate"]["stored_per_s"].get<double>() == doctest::Approx(1'234'567 / 12.25));
  CHECK(report["batches"]["rows_mean"].get<double>() == doctest::Approx(1'234'567 / 4'939.0));
  const json& write = report["latency_us"]["write"];  // 100 us, 200 us, ... 100 ms
  const std::pair<std::string_view, double> percentiles[] = {{"p50", 50e3},     {"p90", 90e3},
                                                             {"p95", 95e3},     {"p99", 99e3},
                                                             {"p99_9", 99.9e3}, {"p99_99", 100e3}};
  for (const auto& c : percentiles) {
    CAPTURE(c.first);
    CHECK(write.at(std::string(c.first)).get<double>() == doctest::Approx(c.second).epsilon(0.001));
  }
}

TEST_CASE("json report: the keys are the contract, none is missing") {
  const json report = parsed(sustained_report());
  CHECK(keys(report) ==
        std::set<std::string>{
            "schema_version", "run_id", "started_at",  "ended_at", "app_version", "exit_code",
            "interrupted",    "config", "environment", "counts",   "rate",        "time_s",
            "latency_us",     "queue",  "batches",     "client",   "breaker",     "audit",
            "resumed",        "errors", "failure",     "verdict",  "warmup",      "bottleneck",
            "events",         "series", "thresholds"});
  CHECK(keys(report["latency_us"]) == std::set<std::string>{"response", "schedule_lag",
                                                            "queue_wait", "batch_wait", "write",
                                                            "held_back", "uncorrected"});
  for (const auto& part : report["latency_us"].items()) {
    CAPTURE(part.key());
    std::set<std::string> expected{"count", "min", "mean",  "stddev", "p50", "p90",
                                   "p95",   "p99", "p99_9", "p99_99", "max"};
    if (part.key() == "response" || part.key() == "uncorrected") expected.insert("percentiles");
    CHECK(keys(part.value()) == expected);
  }
  CHECK(report["app_version"].get<std::string>().find('.') != std::string::npos);
}

TEST_CASE("json report: the curve of percentiles climbs to the maximum, and has the others on it") {
  RunReport run = sustained_report();
  run.latency.response = Histogram();
  for (int i = 1; i <= 1'000; ++i) run.latency.response.record(std::chrono::microseconds(i * 100));
  const json response = parsed(run)["latency_us"]["response"];
  const json& curve = response["percentiles"];
  // Five steps to each half: 0, 10, ... 50, 55, ... until less than one of 1000 values is left.
  CHECK(curve.size() == 5 * 10 + 1);
  CHECK(curve.front()[0] == 0.0);
  CHECK(curve.back() == json::array({100.0, response["max"]}));
  CHECK(curve[5] == json::array({50.0, response["p50"]}));
  CHECK(curve[6][0] == 55.0);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    CHECK(curve[i - 1][0] < curve[i][0]);
    CHECK(curve[i - 1][1] <= curve[i][1]);
  }
  run.latency.response = Histogram();
  CHECK(parsed(run)["latency_us"]["response"]["percentiles"] == json::array());
}

TEST_CASE("json report: each threshold with what was observed, in a unit that is named") {
  CHECK(parsed(sustained_report())["thresholds"] == json::array());
  CHECK(parsed(full_report())["thresholds"] == json::array({{{"expression", "abort: p99 < 50ms"},
                                                             {"observed", 1.25e6},
                                                             {"unit", "us"},
                                                             {"passed", false},
                                                             {"aborted", true}},
                                                            {{"expression", "stored>=1M"},
                                                             {"observed", 1'234'567},
                                                             {"unit", "messages"},
                                                             {"passed", true},
                                                             {"aborted", false}},
                                                            {{"expression", "lost==0"},
                                                             {"observed", nullptr},
                                                             {"unit", "messages"},
                                                             {"passed", false},
                                                             {"aborted", false}}}));
}

TEST_CASE("reports: the percentiles that were asked for are in the text and in the JSON") {
  RunReport report = sustained_report();
  report.config.percentiles = {98, 99.95, 99.999999};
  const std::string text = text_report(report);
  CHECK(contains(text, "mean      p98   p99.95 p99.999999      max\n"));
  CHECK(contains(text, "response        2.14 ms  2.00 ms  9.00 ms    9.00 ms  9.00 ms\n"));
  const json result = parsed(report);
  for (json histogram : result["latency_us"]) {
    histogram.erase("percentiles");
    CHECK(keys(histogram) == std::set<std::string>{"count", "min", "mean", "stddev", "p50", "p90",
                                                   "p95", "p98", "p99", "p99_9", "p99_95", "p99_99",
                                                   "p99_999999", "max"});
  }
  CHECK(result["latency_us"]["response"]["p98"].get<double>() ==
        doctest::Approx(2e3).epsilon(0.001));
  CHECK(result["latency_us"]["response"]["p99_95"] == 9e3);
}

TEST_CASE("json report: of a run that went well") {
  const json report = parsed(sustained_report());
  CHECK(report["exit_code"] == 0);
  CHECK(report["interrupted"] == false);
  CHECK(report["run_id"] == "1882460106754225421");  // text: a double would cut it
  CHECK(report["config"]["rps"] == 500.0);
  CHECK(report["config"]["count"] == nullptr);
  CHECK(report["config"]["burst"] == nullptr);
  CHECK(report["config"]["max_lag_ms"] == nullptr);
  CHECK(report["rate"]["target_per_s"] == 500.0);
  CHECK(report["rate"]["sustained"] == true);
  CHECK(report["audit"]["passed"] == true);
  CHECK(report["errors"] == json::array());
  CHECK(report["environment"]["database"]["durability"]["synchronous"] == "full");
}

TEST_CASE("json report: what was never measured is zero or null, and always a number JSON has") {
  RunReport report;
  const json result = parsed(report);
  CHECK(result["rate"]["produced_per_s"] == 0.0);
  CHECK(result["rate"]["stored_per_s"] == 0.0);
  CHECK(result["batches"]["rows_mean"] == 0.0);
  CHECK(result["latency_us"]["response"]["p99"] == 0.0);
  CHECK(result["audit"]["mode"] == "off");
  CHECK(result["audit"]["passed"] == nullptr);
  CHECK(result["config"]["seed"] == nullptr);
  CHECK(result["environment"]["database"]["durability"] == json::object());
}

TEST_CASE("json report: one document that ends with one newline and holds no secret") {
  const std::string text = json_report(full_report());
  CHECK(text.starts_with("{"));
  CHECK(text.ends_with("}\n"));
  CHECK_FALSE(contains(text, "SECRET"));
}

TEST_CASE("json report: text that is no UTF-8 does not break the document") {
  RunReport report = sustained_report();
  report.config.db = "sqlite:/tmp/\xff.db";
  report.errors = {{"X", "fatal", 1, "caf\xe9"}};
  const json result = parsed(report);
  CHECK(result["config"]["db"] == "sqlite:/tmp/\xef\xbf\xbd.db");
  CHECK(result["errors"][0]["message"] == "caf\xef\xbf\xbd");
}

TEST_CASE("json config: is the config of the result, alone") {
  const RunReport report = full_report();
  CHECK(json::parse(json_config(report.config)) == parsed(report)["config"]);
  CHECK_FALSE(contains(json_config(report.config), "SECRET"));
}
