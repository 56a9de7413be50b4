#include "run/resume.h"

#include <doctest/doctest.h>

#include "support/fake_clock.h"
#include "support/faulty_sink.h"
#include "support/temp_dir.h"

using namespace loadgen;

namespace {

using Sequences = std::vector<std::uint64_t>;
using Frames = std::vector<SpoolStore::FixedFrame>;

std::vector<std::uint64_t> ids(const Frames& frames) {
  std::vector<std::uint64_t> list;
  for (const auto& frame : frames) list.push_back(frame.id);
  return list;
}

bool whole(const SpoolStore::FixedFrame& /*frame*/) { return true; }

std::vector<Message> messages(std::uint64_t first, std::size_t count) {
  std::vector<Message> list(count);
  for (std::size_t i = 0; i < count; ++i) list[i].sequence = first + i;
  return list;
}

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
  std::vector<ResumedRun> resume() {
    return loadgen::resume(spool,
                           {.target = target,
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
  CircuitBreaker breaker{Breaker::kOff, 1, clock, {}};
  RetryBudget budget;
  DeadLetterBox dead_letters{"", 0};
};

}  // namespace

TEST_CASE("resume: a frame that was split is replaced by its pieces") {
  CHECK(ids(frames_in_force({{0, {{0, 10}}}, {20, {{20, 30}}}}, whole)) == Sequences{0, 20});
  // The left piece took the frame's id, the right one has its own.
  CHECK(ids(frames_in_force({{0, {{0, 10}}}, {5, {{5, 10}}}}, whole)) == Sequences{5});
  // A piece that was split itself.
  CHECK(ids(frames_in_force({{0, {{0, 10}}}, {5, {{5, 10}}}, {7, {{7, 8}}}}, whole)) ==
        Sequences{7});
  // One that is not all there was split, and a piece of it is settled.
  CHECK(ids(frames_in_force({{0, {{0, 10}}}, {20, {{20, 30}}}},
                            [](const SpoolStore::FixedFrame& frame) { return frame.id != 0; })) ==
        Sequences{20});
  CHECK(frames_in_force({}, whole).empty());
}

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

TEST_CASE("resume: what was settled is not sent again") {
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

TEST_CASE("resume: a spool for another target is refused") {
  Fixture f;
  check_spool(f.spool, "here", f.clock);
  CHECK_THROWS_AS(check_spool(f.spool, "there", f.clock), UsageError);
}
