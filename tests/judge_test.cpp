#include "report/judge.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "report/bottleneck.h"
#include "report/sustained.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

void store_every_10ms(RunReport& report, std::uint64_t messages) {
  for (int i = 1; i <= 1'000; ++i) report.latency.stored.record(i * 10ms - 1ns, messages);
}

// Ten seconds at 500 a second that went as they should.
RunReport good_report() {
  RunReport report;
  report.profile = Profile::constant(500);
  report.config.duration = 10s;
  report.config.producers = 10;
  report.config.consumers = 5;
  report.database.kind = "sqlite";
  report.environment.cpu_count = 2;
  report.counts.scheduled = 5'000;
  report.counts.produced = 5'000;
  report.counts.ends[Fate::kStored] = 5'000;
  report.produce_time = 9'998ms;
  report.drain_time = 6ms;
  report.total_time = 10'004ms;
  store_every_10ms(report, 5);
  report.queue.capacity = 10'000;
  report.queue.depth_mean = 2;
  report.writing = 500ms;
  report.client = {.cpu_user_s = 0.2, .cpu_system_s = 0.1};
  report.audit = {.mode = VerifyMode::kCount, .checked = 5'000, .passed = true};
  return report;
}

// The same, written in twice the time.
RunReport slow_report() {
  RunReport report = good_report();
  report.total_time = 20s;
  return report;
}

void fail(RunReport& report) {
  report.failure = {"SQLITE_FULL", "fatal", 3, "database or disk is full"};
  report.errors.push_back(*report.failure);
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void check_sentence(const std::string& text) {
  CAPTURE(text);
  CHECK(text.size() > 20);
  CHECK(text.front() >= 'A');
  CHECK(text.front() <= 'Z');
  CHECK(text.ends_with("."));
  CHECK(text.find('\n') == std::string::npos);
}

}  // namespace

TEST_CASE("judge: of a resumed run, a failed audit is a violation, and what is lost a loss") {
  RunReport report = good_report();
  report.resumed = {{.run_id = 1, .audit = {.passed = true}}};
  CHECK(exit_code(report) == 0);
  for (ResumedRun lossy : {ResumedRun{.dead_lettered = 1}, ResumedRun{.damaged = 1}}) {
    report.resumed.push_back(lossy);
    CHECK(exit_code(report) == 3);
    CHECK(contains(verdict(report), "Not all messages of an earlier run"));
    report.resumed.pop_back();
  }
  report.resumed.push_back({.audit = {.passed = false}});
  CHECK(exit_code(report) == 4);
  CHECK(contains(verdict(report), "from an earlier run"));
}

TEST_CASE("judge: what is spooled is safe: no loss, and no rate that was sustained") {
  RunReport report = good_report();
  report.counts.ends[Fate::kStored] -= 7;
  report.counts.ends[Fate::kSpooled] = 7;
  CHECK(exit_code(report) == 0);
  CHECK(contains(verdict(report), "7 spooled"));
}

TEST_CASE("judge: messages the database refused are no bottleneck, unless they came late") {
  RunReport report = good_report();
  report.counts.ends[Fate::kStored] -= 5;
  report.counts.ends[Fate::kDeadLettered] = 5;
  CHECK(verdict(report) ==
        "The rate of 500 messages a second was not sustained: 5 dead-lettered, as the database "
        "refused them; all others were stored in time.");
  CHECK(sustained(report).rate_was == false);
  report.total_time = 20s;
  CHECK(contains(verdict(report), "5 dead-lettered; what the bottleneck was cannot be told"));
  report = good_report();
  report.counts.ends[Fate::kStored] -= 6;
  report.counts.ends[Fate::kDeadLettered] = 5;
  report.counts.ends[Fate::kUnsent] = 1;
  CHECK(contains(verdict(report), "5 dead-lettered, 1 unsent; "));
  report.counts.ends[Fate::kUnsent] = 0;
  report.counts.skipped = 1;
  report.counts.produced -= 1;
  CHECK(contains(verdict(report), "1 skipped, 5 dead-lettered; "));
}

TEST_CASE("judge: a database that stores nothing is what a run was limited by") {
  RunReport report = good_report();
  report.profile.reset();
  report.counts.ends[Fate::kDeadLettered] = std::exchange(report.counts.ends[Fate::kStored], 0);
  CHECK(contains(verdict(report), "the limit was the database, which took nothing"));
  report.counts.ends[Fate::kUnsent] = std::exchange(report.counts.ends[Fate::kDeadLettered], 0);
  report.writing = 0ns;  // nobody came to write
  CHECK(contains(verdict(report), "not the database, which was given nothing"));
}

TEST_CASE("judge: of refused messages no others are told of where none was stored") {
  RunReport report = good_report();
  report.counts.ends[Fate::kDeadLettered] = std::exchange(report.counts.ends[Fate::kStored], 0);
  CHECK(verdict(report) ==
        "The rate of 500 messages a second was not sustained: 5,000 dead-lettered, as the database "
        "refused them; none was stored.");
}

TEST_CASE("judge: a tenth of a second says nothing of what limited it") {
  RunReport report = good_report();
  report.profile.reset();
  CHECK(contains(verdict(report), "the limit was this program"));
  report.writing = 40ms;  // by all of them
  report.total_time = 100ms;
  CHECK(contains(verdict(report), "the limit was this program"));
  report.total_time = 99ms;
  CHECK(contains(verdict(report), "what the limit was cannot be told from so short a run."));
  report.counts.ends[Fate::kDropped] =
      std::exchange(report.counts.ends[Fate::kStored], 22) - 22;  // in so short a time
  CHECK(contains(verdict(report),
                 "were stored, 4,978 dropped; what the limit was cannot be told from"));
}

TEST_CASE("exit codes: the numbers scripts rely on") {
  CHECK(kExitOk == 0);
  CHECK(kExitFailed == 1);
  CHECK(kExitUsage == 2);
  CHECK(kExitLosses == 3);
  CHECK(kExitViolation == 4);
  CHECK(kExitSignal + SIGINT == 130);
  CHECK(kExitSignal + SIGTERM == 143);
}

TEST_CASE("exit codes: a good run is 0") { CHECK(exit_code(good_report()) == 0); }

TEST_CASE("exit codes: when several hold the order is 1, 4, 3, 99, 130") {
  for (int bits = 0; bits < 64; ++bits) {
    const bool failed = (bits & 1) != 0;
    const bool unbalanced = (bits & 2) != 0;
    const bool audit_failed = (bits & 4) != 0;
    const bool losses = (bits & 8) != 0;
    const bool interrupted = (bits & 16) != 0;
    const bool threshold_failed = (bits & 32) != 0;
    RunReport report = good_report();
    if (failed) fail(report);
    if (losses) {
      report.counts.ends[Fate::kStored] -= 10;
      report.counts.ends[Fate::kUnsent] += 10;
    }
    if (unbalanced) ++report.counts.scheduled;
    if (audit_failed) report.audit.passed = false;
    if (interrupted) report.interrupted_by = SIGINT;
    report.thresholds.resize(2);
    report.thresholds[0].passed = true;
    report.thresholds[1].passed = !threshold_failed;
    const int expected = failed                       ? 1
                         : unbalanced || audit_failed ? 4
                         : losses                     ? 3
                         : threshold_failed           ? 99
                         : interrupted                ? 130
                                                      : 0;
    CAPTURE(bits);
    CHECK(exit_code(report) == expected);
    report.config.duration = 0s;  // then a signal is the normal end
    CHECK(exit_code(report) == (expected == 130 ? 0 : expected));
  }
}

TEST_CASE("exit codes: a failed threshold is worse than an audit that a signal ended") {
  RunReport report = good_report();
  report.audit_aborted_by = SIGINT;
  report.thresholds.resize(1);  // which failed
  CHECK(exit_code(report) == 99);
}

TEST_CASE("judge: the verdict names the thresholds that failed, and no others") {
  RunReport report = good_report();
  const std::string before = verdict(report);
  report.thresholds.resize(3);
  report.thresholds[0].threshold.expression = "p99<1s";
  report.thresholds[0].passed = true;
  report.thresholds[1].threshold.expression = "abort:max<1s";
  report.thresholds[1].passed = true;
  report.thresholds[2].threshold.expression = "stored>0";
  report.thresholds[2].passed = true;
  CHECK(verdict(report) == before);
  report.thresholds[2].passed = false;
  CHECK(verdict(report) == before + " The threshold stored>0 failed.");
  report.thresholds[1].passed = false;
  report.thresholds[1].aborted = true;
  CHECK(verdict(report) ==
        before + " 2 thresholds failed: abort:max<1s (which ended the run), stored>0.");
  check_sentence(verdict(report));
}

TEST_CASE("exit codes: each signal has its own") {
  RunReport report = good_report();
  report.interrupted_by = SIGINT;
  CHECK(exit_code(report) == 130);
  report.interrupted_by = SIGTERM;
  CHECK(exit_code(report) == 143);
  report.config.duration = 0s;
  CHECK(exit_code(report) == 0);
  report.config.count = 1'000;  // the normal end is another one again
  CHECK(exit_code(report) == 143);
}

TEST_CASE("exit codes: sequences that are not as many as were counted are a violation") {
  RunReport report = good_report();
  report.sequences_agree = false;
  CHECK(exit_code(report) == 4);
  CHECK(contains(verdict(report), "does not balance"));
}

TEST_CASE("exit codes: both equations of the conservation law are checked") {
  RunReport report = good_report();
  ++report.counts.skipped;
  CHECK(exit_code(report) == 4);
  ++report.counts.scheduled;
  CHECK(exit_code(report) == 0);
  --report.counts.ends[Fate::kStored];
  CHECK(exit_code(report) == 4);
}

TEST_CASE("exit codes: every kind of loss counts, what was skipped or spooled does not") {
  struct Case {
    Fate fate;
    int code;
  };
  for (const Case& c : {Case{Fate::kDeadLettered, 3}, Case{Fate::kDropped, 3},
                        Case{Fate::kUnsent, 3}, Case{Fate::kInDoubt, 3}, Case{Fate::kSpooled, 0}}) {
    RunReport report = good_report();
    report.counts.ends[Fate::kStored] -= 1;
    report.counts.ends[c.fate] += 1;
    CHECK(exit_code(report) == c.code);
  }
  RunReport report = good_report();
  report.counts.produced -= 1;
  report.counts.ends[Fate::kStored] -= 1;
  report.counts.skipped += 1;
  CHECK(exit_code(report) == 0);
}

TEST_CASE("exit codes: an audit that was not done is not one that failed") {
  RunReport report = good_report();
  report.audit = {};
  CHECK(exit_code(report) == 0);
}

TEST_CASE("exit codes: an audit that a signal ended has proved nothing") {
  RunReport report = good_report();
  report.audit.passed.reset();
  report.audit_aborted_by = SIGINT;
  CHECK(exit_code(report) == 128 + SIGINT);
  CHECK(contains(verdict(report), "not audited to the end, because SIGINT"));
  report.config.duration = 0s;  // a signal is the normal end of the run, not of its audit
  CHECK(exit_code(report) == 128 + SIGINT);
}

TEST_CASE("rates: messages by the time they took") {
  RunReport report = good_report();
  report.profile = Profile::constant(2'500);
  report.produce_time = 2s;
  report.total_time = 4s;
  report.counts.ends[Fate::kStored] = 3'000;
  CHECK(produced_per_second(report) == doctest::Approx(2'500));
  CHECK(stored_per_second(report) == doctest::Approx(750));
  // The last of them stands for the time until the next would be due.
  report.profile = Profile::constant(500);
  report.counts.scheduled = report.counts.produced = report.counts.ends[Fate::kStored] = 1;
  report.produce_time = 1us;
  report.total_time = 1ms;
  CHECK(produced_per_second(report) == doctest::Approx(500));
  CHECK(stored_per_second(report) == doctest::Approx(500));
  report.produce_time = 0ns;
  report.total_time = 0ns;
  CHECK(produced_per_second(report) == 0);
  CHECK(stored_per_second(report) == 0);
}

TEST_CASE("rates: where the rate changed, the mean is what was wanted") {
  RunReport report = good_report();
  CHECK(wanted_per_second(report) == 500);
  report.config.rps = 7;  // what was asked for at first says nothing
  report.profile = Profile::constant(250).changed_at(5s - 1ns, 750);
  CHECK(wanted_per_second(report) == 500);
  CHECK(contains(verdict(report), "The rate of 500 messages a second"));
  report.profile.reset();
  CHECK(wanted_per_second(report) == std::nullopt);
  CHECK(contains(verdict(report), "No rate was asked for"));
}

TEST_CASE("verdict: a rate that was sustained") {
  CHECK(verdict(good_report()) == "The rate of 500 messages a second was sustained.");
  RunReport report = good_report();
  report.profile = Profile::constant(1.5e6);
  report.counts.scheduled = report.counts.produced = report.counts.ends[Fate::kStored] = 15'000'000;
  store_every_10ms(report, 14'995);
  CHECK(verdict(report) == "The rate of 1.5M messages a second was sustained.");
}

TEST_CASE("verdict: a failure comes before everything else") {
  RunReport report = good_report();
  fail(report);
  report.audit.passed = false;
  ++report.counts.scheduled;
  CHECK(verdict(report) ==
        "The run failed: database or disk is full (SQLITE_FULL). The accounting does not balance: "
        "this is a bug in loadgen.");
}

TEST_CASE("verdict: accounting before audit, audit before rate") {
  RunReport report = good_report();
  report.total_time = 60s;
  report.audit.passed = false;
  CHECK(contains(verdict(report), "see the audit"));
  ++report.counts.scheduled;
  CHECK(contains(verdict(report), "does not balance"));
}

TEST_CASE("verdict: a failure says what was lost, and does not hide that accounts do not balance") {
  RunReport report = good_report();
  fail(report);
  report.counts.ends[Fate::kStored] -= 30;
  report.counts.ends[Fate::kUnsent] = 20;
  report.counts.ends[Fate::kInDoubt] = 10;
  CHECK(verdict(report) ==
        "The run failed: database or disk is full (SQLITE_FULL). Of 5,000 messages 4,970 were "
        "stored, 20 unsent, 10 in doubt.");
  report.counts.ends[Fate::kUnsent] = 0;
  CHECK(contains(verdict(report), "(SQLITE_FULL). The accounting does not balance"));
}

TEST_CASE("verdict: losses are told whatever comes first") {
  const auto lossy_report = [] {
    RunReport report = good_report();
    report.counts.ends[Fate::kStored] -= 30;
    report.counts.ends[Fate::kUnsent] = 30;
    return report;
  };
  const std::string losses = " Of 5,000 messages 4,970 were stored, 30 unsent.";
  RunReport damaged = lossy_report();
  damaged.audit.passed = false;
  CHECK(verdict(damaged).ends_with("see the audit." + losses));
  RunReport resumed = lossy_report();
  resumed.resumed.push_back({.audit = {.passed = false}});
  CHECK(verdict(resumed).ends_with("from an earlier run." + losses));
  RunReport aborted = lossy_report();
  aborted.interrupted_by = aborted.audit_aborted_by = SIGTERM;
  CHECK(verdict(aborted) ==
        "Ended early by SIGTERM: what is stored was not audited to the end, because SIGTERM came "
        "again." +
            losses);
}

TEST_CASE("verdict: what was in doubt and is stored, as the audit found, is said to be") {
  RunReport report = slow_report();
  report.counts.ends[Fate::kStored] -= 2'500;
  report.counts.ends[Fate::kInDoubt] = 2'500;
  CHECK(contains(verdict(report), ", 2,500 in doubt; "));
  report.audit.recovered = 2'500;
  CHECK(contains(verdict(report), ", 2,500 in doubt, of which 2,500 found stored; "));
}

TEST_CASE("verdict: a rate that was not sustained, with what is missing") {
  RunReport report = good_report();
  report.counts = {.scheduled = 10'000,
                   .skipped = 1'234,
                   .produced = 8'766,
                   .ends = {{Fate::kStored, 2'000},
                            {Fate::kDropped, 6'000},
                            {Fate::kUnsent, 700},
                            {Fate::kInDoubt, 66}}};
  report.total_time = 20s;
  CHECK(verdict(report).starts_with(
      "The rate of 500 messages a second was not sustained: 100 a second were stored, 1,234 "
      "skipped, 6,000 dropped, 700 unsent, 66 in doubt; what the bottleneck was cannot be "
      "told: "));
}

TEST_CASE("verdict: a rate that was merely late mentions nothing missing") {
  CHECK(verdict(slow_report())
            .starts_with("The rate of 500 messages a second was not sustained: 250 a second were "
                         "stored; what the bottleneck was cannot be told: "));
}

TEST_CASE("verdict: a run that was too short to judge says so, and blames nobody") {
  RunReport report = good_report();
  report.counts.scheduled = report.counts.produced = report.counts.ends[Fate::kStored] = 5;
  report.total_time = 20ms;
  CHECK(verdict(report) ==
        "Whether the rate of 500 messages a second was sustained cannot be told: its schedule was "
        "10.0 ms long, too short to see a backlog grow.");
}

TEST_CASE("verdict: a run cut off by the drain timeout says so, and names no bottleneck") {
  RunReport report = good_report();
  report.counts.ends[Fate::kStored] -= 30;
  report.counts.ends[Fate::kUnsent] += 30;
  CHECK_FALSE(contains(verdict(report), "--drain-timeout"));
  report.drain_timed_out = true;
  report.silence_at_end = 5ms;
  CHECK(contains(verdict(report),
                 ", 30 unsent when --drain-timeout was over; what the bottleneck was cannot be "
                 "told: consumers spent 1 % of their time in writes, the channel was hardly ever "
                 "full, and as to this program, it used 0.0 of 2 cores."));
}

TEST_CASE("verdict: without a rate it names what was reached and the limit") {
  RunReport report = good_report();
  report.profile.reset();
  report.total_time = 2s;
  CHECK(verdict(report).starts_with(
      "No rate was asked for: 2,500 messages a second were stored; the limit was "));
}

TEST_CASE("verdict: a database that stalls or fails is blamed, however idle everything was") {
  RunReport stalled = good_report();
  stalled.counts.ends[Fate::kStored] -= 30;
  stalled.counts.ends[Fate::kUnsent] = 30;
  stalled.silence_at_end = 1'200ms;
  CHECK(contains(verdict(stalled),
                 "the bottleneck was the database, which confirmed nothing in the last 1.20 s."));
  stalled.silence_at_end = 499ms;
  CHECK_FALSE(contains(verdict(stalled), "was the database"));
  stalled.counts.ends[Fate::kStored] += 30;  // nothing was left for it to confirm
  stalled.counts.ends[Fate::kUnsent] = 0;
  stalled.total_time = 20s;
  stalled.silence_at_end = 10s;
  CHECK_FALSE(contains(verdict(stalled), "was the database"));

  RunReport failed = slow_report();
  failed.breaker.open = 3s;
  CHECK(contains(verdict(failed),
                 "was the database, which failed: the circuit breaker kept all off for 3.000s."));
  failed.breaker.open = 1s;
  CHECK_FALSE(contains(verdict(failed), "was the database"));
}

TEST_CASE("verdict: the database is the bottleneck when consumers were busy with it") {
  const auto blames_database = [](const RunReport& report) {
    return contains(verdict(report), "was the database: ");
  };
  CHECK_FALSE(blames_database(slow_report()));

  RunReport writing = slow_report();
  writing.writing = 90s;  // of 5 consumers in 20 s
  CHECK(blames_database(writing));
  CHECK(contains(verdict(writing), "was the database: consumers spent 90 % of the time in writes"));
  CHECK_FALSE(contains(verdict(writing), "the channel"));
  writing.writing = 49s;
  CHECK_FALSE(blames_database(writing));

  // With a channel that stood full a fifth is enough.
  RunReport blocked = slow_report();
  blocked.produce_time = 10s;
  blocked.queue.blocked = 50s;  // of 10 producers
  blocked.writing = 21s;
  CHECK(blames_database(blocked));
  CHECK(contains(verdict(blocked), "the channel was full for producers 50 % of the time"));
  blocked.writing = 19s;  // then something else kept consumers from it
  CHECK_FALSE(blames_database(blocked));
  blocked.writing = 21s;
  blocked.queue.blocked = 4s;
  CHECK_FALSE(blames_database(blocked));

  RunReport full = slow_report();
  full.writing = 21s;
  full.queue.depth_mean = 5'100;
  CHECK(blames_database(full));
  full.queue.depth_mean = 4'900;
  CHECK_FALSE(blames_database(full));

  RunReport dropping = slow_report();
  dropping.writing = 21s;
  dropping.counts.ends[Fate::kStored] -= 1;
  dropping.counts.ends[Fate::kDropped] += 1;
  CHECK(blames_database(dropping));
  CHECK(contains(verdict(dropping), "messages were dropped"));
}

TEST_CASE("verdict: the round trips of one connection are not called the database's limit") {
  RunReport report = slow_report();
  report.config.consumers = 1;
  report.writing = 19s;
  CHECK(contains(verdict(report),
                 "was the database, or the way there, as one connection uses it: the consumer "
                 "spent 95 % of the time in writes."));
  report = slow_report();
  report.writing = 95s;
  report.database.insert = InsertMethod::kSingle;
  CHECK(contains(verdict(report), "as 5 connections use it row by row: consumers spent 95 %"));
}

TEST_CASE("verdict: what keeps nothing is never called the database") {
  RunReport report = slow_report();
  report.queue.blocked = 100s;
  report.writing = 90s;
  report.database.kind = "null";
  CHECK_FALSE(contains(verdict(report), "the database"));
  report.profile.reset();
  CHECK(contains(verdict(report), "this program and its machine"));
}

TEST_CASE("verdict: the program is the bottleneck only when it was busy") {
  RunReport report = slow_report();
  report.environment.cpu_count = 4;
  report.latency.schedule_lag.record(2ms, 100);
  report.client = {.cpu_user_s = 30, .cpu_system_s = 10};
  CHECK(contains(verdict(report), "what the bottleneck was cannot be told: "));
  CHECK(contains(verdict(report), "as to this program, it used 2.0 of 4 cores"));
  report.client = {.cpu_user_s = 50, .cpu_system_s = 18};
  CHECK(contains(verdict(report), "it used 3.4 of 4 cores"));
  CHECK(contains(verdict(report), "was this program and its machine"));
  CHECK(contains(verdict(report), "later than 2.00 ms after they were due"));
  // One producer that cannot make messages faster.
  report.client = {.cpu_user_s = 17, .cpu_system_s = 0};
  report.config.producers = 1;
  CHECK_FALSE(contains(verdict(report), "was this program"));
  report.latency.schedule_lag.record(20ms, 1'000);
  CHECK(contains(verdict(report), "was this program and its machine"));
  report.config.spool = "spool";  // or its disk
  CHECK_FALSE(contains(verdict(report), "was this program"));
}

TEST_CASE("bottleneck: each kind by its evidence") {
  CHECK(find_bottleneck(good_report()).kind == BottleneckKind::kNone);
  RunReport report = slow_report();
  report.writing = 95s;
  CHECK(find_bottleneck(report).kind == BottleneckKind::kDatabase);
  report = slow_report();
  report.client = {.cpu_user_s = 30, .cpu_system_s = 10};
  CHECK(find_bottleneck(report).kind == BottleneckKind::kClient);
  report = slow_report();
  report.queue.blocked = 50s;
  report.queue.capacity = 1;
  CHECK(find_bottleneck(report).kind == BottleneckKind::kQueue);
  CHECK(contains(find_bottleneck(report).evidence, "the channel of 1 message: it was full"));
  report = slow_report();
  report.latency.schedule_lag.record(80ms, 10'000);
  report.self_check.oversleep.record(70ms, 100);
  CHECK(find_bottleneck(report).kind == BottleneckKind::kLimiter);
  CHECK(contains(verdict(report), "the bottleneck was the limiter, whose timers came late"));
  report.client = {.cpu_user_s = 30, .cpu_system_s = 10};  // they came late for want of CPU
  CHECK(find_bottleneck(report).kind == BottleneckKind::kClient);
  report = slow_report();
  CHECK(find_bottleneck(report).kind == BottleneckKind::kNone);
  CHECK(contains(find_bottleneck(report).evidence, "it cannot be told"));
}

TEST_CASE("rates: what came before the measured time does not count") {
  RunReport report = good_report();
  report.config.warmup = 4s;
  report.warmup.emplace();
  report.warmup->duration = 4s;
  report.warmup->counts.scheduled = 2'001;
  report.warmup->counts.produced = 2'000;
  report.warmup->counts.ends[Fate::kStored] = 1'990;
  CHECK(wanted_per_second(report) == doctest::Approx(500));
  CHECK(produced_per_second(report) == doctest::Approx(3'000 / 6.0));
  CHECK(stored_per_second(report) == doctest::Approx(3'010 / 6.004));
  report.warmup->counts = report.counts;
  CHECK(contains(verdict(report), "Nothing was measured"));
}

TEST_CASE("verdict: one sentence in every case") {
  RunReport report = good_report();
  check_sentence(verdict(report));
  report.total_time = 20s;
  check_sentence(verdict(report));
  report.total_time = 0ns;
  report.produce_time = 0ns;
  report.counts = {};
  check_sentence(verdict(report));
  report.profile.reset();
  check_sentence(verdict(report));
  report.audit.passed = false;
  check_sentence(verdict(report));
  ++report.counts.scheduled;
  check_sentence(verdict(report));
  fail(report);
  check_sentence(verdict(report));
}
