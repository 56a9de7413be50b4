#include "run/resume.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/error.h"
#include "run/spool_check.h"
#include "support/fake_clock.h"
#include "support/faulty_sink.h"
#include "support/sql.h"
#include "support/temp_dir.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

using Sequences = std::vector<std::uint64_t>;

std::vector<Message> messages(std::uint64_t first, std::size_t count) {
  std::vector<Message> list(count);
  for (std::size_t i = 0; i < count; ++i) list[i].sequence = first + i;
  return list;
}

// Does something of a test's while a table is audited, and sends what sinks there are to `sink`.
class AuditedTarget final : public Target, private RunLog, private RowReader {
 public:
  AuditedTarget(Sink& sink, std::function<void(AuditedTarget&)> during_audit)
      : inner_(sink), during_audit_(std::move(during_audit)) {}

  void open() override {}
  [[nodiscard]] TargetInfo info() const override { return {.kind = "test"}; }
  std::unique_ptr<Sink> connect(const RunIdentity& run, const std::stop_token& stop) override {
    return inner_.connect(run, stop);
  }
  [[nodiscard]] RunLog* run_log() override { return this; }
  [[nodiscard]] RowReader* rows() override { return this; }
  void interrupt() noexcept override { interrupted = true; }

  std::atomic<bool> interrupted{false};

 private:
  void start(const RunRecord&) override {}
  void end(std::int64_t, WallTime, const std::string&) override {}
  std::optional<RecordedRun> find(std::optional<std::int64_t> run_id) override {
    RecordedRun run;
    run.run_id = run_id.value_or(0);
    return run;
  }
  void read_back(std::int64_t, RowContent, const RowVisitor&) override { during_audit_(*this); }

  SinkTarget inner_;
  const std::function<void(AuditedTarget&)> during_audit_;
};

// Takes one frame, and is down from then on.
class DownLaterSink final : public Sink {
 public:
  WriteResult write(const Frame& /*frame*/) noexcept override {
    if (writes_++ == 0) return {};
    return {WriteOutcome::kNotWritten,
            {.code = "TEST", .message = "down", .error_class = ErrorClass::kOutage}};
  }
  void interrupt() noexcept override {}

 private:
  std::atomic<int> writes_{0};
};

// A spool that a run left behind, and a target to deliver to.
struct Fixture {
  Fixture() {
    CHECK(spool.add_run(run) == SpoolStatus::kSafe);
    options.batch_size = 4;
  }

  void append(std::uint64_t first, std::size_t count) {
    CHECK(spool.append(run, messages(first, count), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
  }
  void fix(std::uint64_t first, std::size_t count) {
    CHECK(spool.fix(run, first, messages(first, count)) == SpoolStatus::kSafe);
  }
  std::vector<ResumedRun> resume() { return resume(target); }
  std::vector<ResumedRun> resume(Target& to) {
    return loadgen::resume(spool,
                           {.target = to,
                            .run = {},
                            .clock = clock,
                            .breaker = breaker,
                            .budget = budget,
                            .dead_letters = dead_letters,
                            .policy = {},
                            .give_up = {},
                            .on_error = [](const WriteResult&) {}},
                           options);
  }

  TempDir dir;
  FakeClock clock;
  Spool spool{dir.file("spool"), clock};
  const SpooledRun run{.run_id = 7, .target = "here", .message_size = 1};
  Options options;
  MemorySink sink;
  SinkTarget target{sink};
  CircuitBreaker breaker{Breaker::kOff, {}, 1, clock, {}};
  RetryBudget budget;
  DeadLetterBox dead_letters{"", 0};
};

}  // namespace

TEST_CASE("resume: fixed frames come first, as they were; the rest in frames of its own") {
  Fixture f;
  f.append(0, 15);
  f.fix(9, 6);
  f.fix(2, 3);
  const auto resumed = f.resume();
  CHECK(f.sink.frames ==
        std::vector<Sequences>{{9, 10, 11, 12, 13, 14}, {2, 3, 4}, {0, 1, 5, 6}, {7, 8}});
  REQUIRE(resumed.size() == 1);
  CHECK(resumed[0].run_id == 7);
  CHECK(resumed[0].frames == 4);
  CHECK(resumed[0].stored == 15);
  CHECK(resumed[0].damaged == 0);
  CHECK(f.resume().empty());  // forgotten
}

TEST_CASE("resume: settled messages are not sent again") {
  Fixture f;
  f.append(0, 6);
  f.fix(0, 3);
  f.spool.settle(f.run, messages(0, 3), SpoolEnd::kStored);
  f.spool.flush();
  CHECK(f.resume()[0].stored == 3);
  CHECK(f.sink.frames == std::vector<Sequences>{{3, 4, 5}});
}

TEST_CASE("resume: a run that left nothing is forgotten") {
  Fixture f;
  const auto resumed = f.resume();
  REQUIRE(resumed.size() == 1);
  CHECK(resumed[0].frames == 0);
  CHECK(f.resume().empty());
}

TEST_CASE("resume: a target that fails for good ends it, and everything stays in the spool") {
  Fixture f;
  f.append(0, 6);
  FaultySink faulty(f.sink, [](std::size_t nth) {
    return nth == 0 ? WriteOutcome::kWritten : WriteOutcome::kNotWritten;
  });
  SinkTarget broken(faulty);
  CHECK_THROWS_AS((void)resume(f.spool,
                               {.target = broken,
                                .run = {},
                                .clock = f.clock,
                                .breaker = f.breaker,
                                .budget = f.budget,
                                .dead_letters = f.dead_letters,
                                .policy = {},
                                .give_up = {},
                                .on_error = [](const WriteResult&) {}},
                               f.options),
                  SetupError);
  f.spool.flush();
  CHECK(f.spool.read([](SpoolStore& store) { return store.count(7); }) == 2);
  CHECK(f.resume()[0].stored == 2);
}

TEST_CASE("resume: of a frame with a damaged message the others go under its id, and alone") {
  // One whose bytes are not what they were, and one that is not to be found any more.
  for (const char* damage : {"text = 'x'", "sequence = 50"}) {
    CAPTURE(damage);
    Fixture f;
    f.append(0, 9);
    f.fix(0, 4);
    (void)sql("sqlite:" + f.dir.file("spool/spool.db"),
              std::string("UPDATE messages SET ") + damage + " WHERE sequence = 0");
    const auto resumed = f.resume();
    CHECK(f.sink.frames == std::vector<Sequences>{{1, 2, 3}, {4, 5, 6, 7}, {8}});
    CHECK(f.sink.ids == Sequences{0, 4, 8});
    REQUIRE(resumed.size() == 1);
    CHECK(resumed[0].stored == 8);
    CHECK(resumed[0].damaged == 1);
  }
}

TEST_CASE("resume: damaged messages of an unknown run are reported once") {
  Fixture f;
  f.append(0, 3);
  (void)sql("sqlite:" + f.dir.file("spool/spool.db"),
            "UPDATE messages SET run_id = 99 WHERE sequence = 1");
  const auto resumed = f.resume();
  REQUIRE(resumed.size() == 1);
  CHECK(resumed[0].stored == 2);
  CHECK(resumed[0].damaged == 1);
}

TEST_CASE("resume: a spool for another target, or one that was promised more, is refused") {
  Fixture f;
  const std::vector<std::string> here{"also here", "here"};
  const std::vector<std::string> there{"there"};
  check_spool(f.spool, here, Delivery::kExactlyOnce, f.clock);
  CHECK_THROWS_AS(check_spool(f.spool, there, Delivery::kExactlyOnce, f.clock), UsageError);
  CHECK_THROWS_AS(check_spool(f.spool, here, Delivery::kAtLeastOnce, f.clock), UsageError);
}

TEST_CASE("resume: a signal during an audit ends it, whether the audit failed by it or was done") {
  for (const bool fails : {true, false}) {
    CAPTURE(fails);
    Fixture f;
    f.append(0, 3);
    AuditedTarget target(f.sink, [fails](AuditedTarget& self) {
      kill(getpid(), SIGTERM);
      kill(getpid(), SIGINT);  // another one is no echo
      while (!self.interrupted) std::this_thread::yield();
      if (fails) throw SetupError("interrupted");
    });
    CHECK_THROWS_AS((void)f.resume(target), StartInterrupted);
  }
}

TEST_CASE("resume: a long audit does not use up the time that the next run has to get on") {
  Fixture f;
  f.append(0, 3);
  const SpooledRun second{.run_id = 8, .target = "here", .message_size = 1};
  CHECK(f.spool.add_run(second) == SpoolStatus::kSafe);
  CHECK(f.spool.append(second, messages(0, 3), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
  DownLaterSink down;
  std::atomic<bool> audited{false};
  AuditedTarget target(down, [&](AuditedTarget&) {
    f.clock.advance(1h);  // longer than --drain-timeout
    audited = true;
  });
  std::atomic<bool> done{false};
  std::jthread time([&] {
    while (!done) {
      if (audited) f.clock.advance(1s);
      std::this_thread::yield();
    }
  });
  CHECK_THROWS_AS((void)f.resume(target), SetupError);
  done = true;
}
