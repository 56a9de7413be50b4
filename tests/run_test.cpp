// Whole runs inside the test process, on real databases and the real clock; nothing is decided by
// how long they take. What users see of them is tested in cli/.

#include "run/run.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "plan/plan.h"
#include "run/log.h"
#include "sink/make_target.h"
#include "support/sql.h"
#include "support/temp_dir.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

struct Runner {
  Runner() {
    start_logging(LogLevel::kOff);
    options.db = "sqlite:" + dir.file("run.db");
    options.progress.reset();
    options.duration = 0s;
    options.verify = VerifyMode::kFull;
  }

  RunReport run() {
    const Plan plan = make_plan(options, clock);
    if (!target) target = make_target(options, clock);
    return loadgen::run(plan, *target, clock, [](const RunReport&) {});
  }

  TempDir dir;
  SteadyClock clock;
  Options options;
  std::unique_ptr<Target> target;
};

// A target that fails where a test wants it to.
class FailingTarget final : public Target {
 public:
  explicit FailingTarget(std::uint32_t connections) : connections_(connections) {}

  void open() override {}
  [[nodiscard]] TargetInfo info() const override { return {.kind = "failing"}; }
  std::unique_ptr<Sink> connect(const RunIdentity&, const std::stop_token&) override {
    if (connections_-- == 0) {
      throw ConnectError("no more connections", {.error_class = ErrorClass::kFatal});
    }
    return nullptr;
  }
  void interrupt() noexcept override {}

 private:
  std::uint32_t connections_;
};

}  // namespace

TEST_CASE("run: everything scheduled is produced, stored, counted, timed and audited") {
  Runner runner;
  runner.options.rps = 2000;
  runner.options.count = 400;
  const RunReport report = runner.run();
  CHECK(report.counts.scheduled == 400);
  CHECK(report.counts.produced == 400);
  CHECK(report.counts.ends[Fate::kStored] == 400);
  CHECK(report.counts.balance());
  CHECK(report.counts.losses() == 0);
  CHECK(report.audit.passed == true);
  CHECK(report.audit.checked == 400);
  for (const Histogram* part :
       {&report.latency.response, &report.latency.schedule_lag, &report.latency.queue_wait,
        &report.latency.batch_wait, &report.latency.write}) {
    CHECK(part->count() == 400);
  }
  CHECK(report.latency.response.mean() ==
        doctest::Approx(report.latency.schedule_lag.mean() + report.latency.queue_wait.mean() +
                        report.latency.batch_wait.mean() + report.latency.write.mean()));
  CHECK(report.exit_code == 0);
  CHECK(report.queue.depth == 0);
  CHECK(report.frames.count() > 0);
  CHECK(report.total_time >= 199ms);  // the last message was due at 399/2000 s
  CHECK(sql(runner.options.db, "SELECT count(*), count(DISTINCT sequence) FROM messages") ==
        SqlRows{{"400", "400"}});
}

TEST_CASE("run: any shape of threads, batches and channel stores every message exactly once") {
  struct Shape {
    std::uint32_t producers, consumers, batch_size;
    std::uint64_t queue_capacity;
    nanoseconds linger;
  };
  for (const Shape& shape :
       {Shape{1, 1, 1, 1, 0ms}, Shape{32, 1, 7, 3, 1ms}, Shape{1, 16, 500, 10'000, 5ms},
        Shape{7, 5, 1000, 100, 0ms}, Shape{100, 40, 3, 50, 2ms}, Shape{3, 2, 100'000, 10, 1ms}}) {
    CAPTURE(shape.producers);
    CAPTURE(shape.consumers);
    Runner runner;
    runner.options.rps.reset();
    runner.options.count = 3000;
    runner.options.producers = shape.producers;
    runner.options.consumers = shape.consumers;
    runner.options.batch_size = shape.batch_size;
    runner.options.queue_capacity = shape.queue_capacity;
    runner.options.linger = shape.linger;
    const RunReport report = runner.run();
    CHECK(report.counts.ends[Fate::kStored] == 3000);
    CHECK(report.counts.balance());
    CHECK(report.audit.passed == true);
    CHECK(report.queue.depth_max <= shape.queue_capacity);
    CHECK(report.exit_code == 0);
  }
}

TEST_CASE("run: a failure for good ends it, and what was not stored is counted unsent") {
  Runner runner;
  runner.options.dead_letter = runner.dir.file("dead.jsonl");
  runner.options.max_dead_letters = 0;
  runner.target = make_target(runner.options, runner.clock);
  runner.target->open();
  refuse_sequence(runner.options.db, "messages", 700);
  runner.options.rps.reset();
  runner.options.count = 1'000'000;
  const RunReport report = runner.run();
  CHECK(report.failure->code == "poison_storm");
  CHECK(report.counts.ends[Fate::kStored] < 1'000'000);
  CHECK(report.counts.ends[Fate::kDeadLettered] == 1);
  CHECK(report.exit_code == 1);
  CHECK(report.counts.balance());
  CHECK(report.counts.ends[Fate::kInDoubt] == 0);
  CHECK(report.counts.ends[Fate::kStored] + report.counts.ends[Fate::kDeadLettered] +
            report.counts.ends[Fate::kUnsent] ==
        report.counts.produced);
  CHECK(report.audit.passed == true);  // what was acknowledged is there
  CHECK(sql(runner.options.db, "SELECT count(*) FROM messages") ==
        SqlRows{{std::to_string(report.counts.ends[Fate::kStored])}});
  REQUIRE(report.errors.size() == 2);
  CHECK(report.errors[0].message == "refused");
  CHECK(report.errors[0].error_class == "poison");
  CHECK(report.errors[1].code == "poison_storm");
  CHECK(report.verdict.find("refused") != std::string::npos);
}

TEST_CASE("run: a channel that may not be full ends the run when it is") {
  Runner runner;
  runner.options.rps.reset();
  runner.options.count = 100'000;
  runner.options.queue_capacity = 5;
  runner.options.on_full = OnFull::kAbort;
  const RunReport report = runner.run();
  CHECK(report.exit_code == 1);
  CHECK(report.counts.balance());
  CHECK(report.errors.at(0).code == "channel_full");
  CHECK(report.audit.passed == true);
}

TEST_CASE("run: when it cannot be set up, it throws and no thread is left") {
  Runner runner;
  runner.target = std::make_unique<FailingTarget>(3);
  CHECK_THROWS_WITH_AS(runner.run(), "no more connections", SetupError);
}

TEST_CASE("run: the runs table holds the configuration and the result") {
  Runner runner;
  runner.options.count = 10;
  runner.options.rps.reset();
  runner.options.seed = 4711;
  const RunReport report = runner.run();
  CHECK(sql(runner.options.db,
            "SELECT json_extract(config, '$.seed'), json_extract(result, "
            "'$.counts.stored'), "
            "json_extract(result, '$.exit_code'), ended_at >= started_at FROM loadgen_runs "
            "WHERE run_id = " +
                std::to_string(report.run_id)) == SqlRows{{"4711", "10", "0", "1"}});
}
