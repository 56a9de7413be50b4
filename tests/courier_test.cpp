#include "delivery/courier.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "support/fake_clock.h"
#include "support/faulty_sink.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

WriteResult refusal(ErrorClass error_class, std::string code = "TEST") {
  return {WriteOutcome::kNotWritten,
          {.code = std::move(code), .message = "injected", .error_class = error_class}};
}

// A database with a ledger, in memory. `answer` is asked before each write what goes wrong with it.
class LedgerSink final : public Sink {
 public:
  enum class Fault { kNone, kInDoubtStored, kInDoubtNotStored };
  struct Answer {
    Fault fault = Fault::kNone;
    std::optional<WriteResult> refused{};
  };

  WriteResult write(const Frame& frame) noexcept override {
    const Answer now = answer ? answer(writes++) : Answer{};
    if (now.refused) return *now.refused;
    for (std::size_t row = 0; row < frame.messages.size(); ++row) {
      if (bad.contains(frame.messages[row].sequence)) {
        WriteResult result = refusal(bad_class, "23514");
        if (names_rows) result.error.row = row;
        return result;
      }
    }
    if (now.fault == Fault::kInDoubtNotStored) return in_doubt();
    if (!ledger.insert(frame.id()).second) return {WriteOutcome::kAlreadyWritten};
    for (const Message& message : frame.messages) rows.push_back(message.sequence);
    return now.fault == Fault::kInDoubtStored ? in_doubt() : WriteResult{};
  }
  void interrupt() noexcept override {}

  std::function<Answer(std::size_t nth)> answer;
  std::set<std::uint64_t> bad;
  ErrorClass bad_class = ErrorClass::kPoison;
  bool names_rows = false;
  std::size_t writes = 0;
  std::set<std::uint64_t> ledger;
  std::vector<std::uint64_t> rows;

 private:
  static WriteResult in_doubt() {
    WriteResult result = refusal(ErrorClass::kOutage, "08006");
    result.outcome = WriteOutcome::kInDoubt;
    return result;
  }
};

std::vector<Message> messages_from(std::uint64_t first, std::size_t count) {
  std::vector<Message> list(count);
  for (std::size_t i = 0; i < count; ++i) list[i].sequence = first + i;
  return list;
}

// Refuses every connection until the session is given up, then accepts all.
class SilentOnceTarget final : public Target {
 public:
  explicit SilentOnceTarget(Sink& sink) : inner_(sink) {}
  void open() override {}
  [[nodiscard]] TargetInfo info() const override { return {.kind = "test"}; }
  std::unique_ptr<Sink> connect(const RunIdentity& run, const std::stop_token& stop) override {
    if (connections++ == 0) {
      while (!stop.stop_requested()) std::this_thread::yield();
      throw ConnectError("server closed the connection unexpectedly",
                         {.code = "08006",
                          .message = "server closed the connection unexpectedly",
                          .error_class = ErrorClass::kOutage});
    }
    return inner_.connect(run, stop);
  }
  void interrupt() noexcept override {}

  std::atomic<int> connections{0};

 private:
  SinkTarget inner_;
};

struct Fixture {
  // Delivers while time passes as fast as somebody waits for it.
  Delivered deliver(std::span<const Message> list) {
    Courier courier(context);
    return deliver(courier, list);
  }
  Delivered deliver(Courier& courier, std::span<const Message> list) {
    std::optional<Delivered> delivered;
    std::atomic<bool> done{false};
    std::jthread worker([&] {
      events.on_stored = [&](std::span<const Message> part, TimePoint) {
        for (const Message& message : part) stored.push_back(message.sequence);
      };
      delivered = courier.deliver({list}, events);
      done = true;
    });
    const TimePoint start = clock.now();
    while (!done) {
      clock.advance(10ms);
      if (clock.now() - start > 10min) give_up.request_stop();
      std::this_thread::yield();
    }
    worker.join();
    return *delivered;
  }

  DeliveryEvents events;
  TempDir dir;
  FakeClock clock;
  LedgerSink sink;
  SinkTarget target{sink};
  CircuitBreaker breaker{Breaker::kOn, {1s, 30s}, 1, clock, {}};
  RetryBudget budget;
  DeadLetterBox dead_letters{dir.file("dead.jsonl"), 100};
  std::stop_source give_up;
  std::vector<WriteResult> errors;
  std::vector<std::uint64_t> stored;
  DeliveryContext context{.target = target,
                          .run = {.run_id = 1, .anchor = {}},
                          .clock = clock,
                          .breaker = breaker,
                          .budget = budget,
                          .dead_letters = dead_letters,
                          .policy = {},
                          .give_up = give_up.get_token(),
                          .on_error = [this](const WriteResult& r) { errors.push_back(r); }};
};

using Answer = LedgerSink::Answer;
using Fault = LedgerSink::Fault;

}  // namespace

TEST_CASE("courier: a frame that is written is stored, and nothing else happens") {
  Fixture f;
  const auto list = messages_from(0, 5);
  const Delivered delivered = f.deliver(list);
  CHECK(delivered.ends[Fate::kStored] == 5);
  CHECK(delivered.retried_frames == 0);
  CHECK_FALSE(delivered.failure.has_value());
  CHECK(f.stored == f.sink.rows);
  CHECK(f.errors.empty());
  CHECK(f.target.connections == 1);
}

TEST_CASE("courier: a message's time ends with its commit, however late the sink returns") {
  // As in a sink that goes on to write for others.
  class LateSink final : public Sink {
   public:
    explicit LateSink(FakeClock& clock) : clock_(clock) {}
    WriteResult write(const Frame&) noexcept override {
      const TimePoint commit = clock_.now();
      clock_.advance(5s);
      return {.confirmed = commit};
    }
    void interrupt() noexcept override {}

   private:
    FakeClock& clock_;
  };
  Fixture f;
  LateSink late(f.clock);
  SinkTarget target(late);
  const DeliveryContext context{.target = target,
                                .run = {},
                                .clock = f.clock,
                                .breaker = f.breaker,
                                .budget = f.budget,
                                .dead_letters = f.dead_letters,
                                .policy = {},
                                .give_up = {},
                                .on_error = [](const WriteResult&) {}};
  Courier courier(context);
  const TimePoint begin = f.clock.now();
  const auto list = messages_from(0, 1);
  std::optional<TimePoint> end;
  DeliveryEvents events;
  events.on_stored = [&](std::span<const Message>, TimePoint at) { end = at; };
  CHECK(courier.deliver({list}, events).ends[Fate::kStored] == 1);
  CHECK(end == begin);
}

TEST_CASE("courier: the time between attempts is known as held back") {
  Fixture f;
  f.context.policy.outage = {1ms, 1ms};  // all that is long is the breaker's
  Courier courier(f.context);
  CHECK(f.deliver(courier, messages_from(0, 5)).ends[Fate::kStored] == 5);
  CHECK(courier.held_back() == 0ns);
  // Enough new connections fail to open the breaker, which adds a second at least.
  f.sink.answer = [](std::size_t nth) {
    return nth < 8 ? Answer{Fault::kNone, refusal(ErrorClass::kOutage)} : Answer{};
  };
  CHECK(f.deliver(courier, messages_from(5, 5)).ends[Fate::kStored] == 5);
  CHECK(f.breaker.report().transitions_total > 0);
  CHECK(courier.held_back() >= 800ms);
  CHECK(f.deliver(courier, messages_from(10, 5)).ends[Fate::kStored] == 5);
  CHECK(courier.held_back() == 0ns);  // it is the frame's, not the courier's
  // Contention opens no breaker: this is the backoff's.
  const std::size_t written = f.sink.writes;
  f.sink.answer = [written](std::size_t nth) {
    return nth < written + 3 ? Answer{Fault::kNone, refusal(ErrorClass::kContention)} : Answer{};
  };
  CHECK(f.deliver(courier, messages_from(15, 5)).ends[Fate::kStored] == 5);
  CHECK(courier.held_back() > 0ns);
}

TEST_CASE("courier: interrupted before there is a connection, the one that comes is interrupted") {
  class NotedSink final : public Sink {
   public:
    WriteResult write(const Frame&) noexcept override {
      return interrupted ? refusal(ErrorClass::kOutage) : WriteResult{};
    }
    void interrupt() noexcept override { interrupted = true; }
    bool interrupted = false;
  };
  Fixture f;
  NotedSink noted;
  SinkTarget target(noted);
  const DeliveryContext context{.target = target,
                                .run = {},
                                .clock = f.clock,
                                .breaker = f.breaker,
                                .budget = f.budget,
                                .dead_letters = f.dead_letters,
                                .policy = {},
                                .give_up = {},
                                .on_error = [](const WriteResult&) {}};
  Courier courier(context);
  courier.interrupt();
  const auto list = messages_from(0, 1);
  CHECK(courier.deliver({list}, {}).ends[Fate::kUnsent] == 1);
  CHECK(noted.interrupted);
}

TEST_CASE("courier: contention is tried again over the same connection, an outage over a new one") {
  for (const auto& [error_class, connections] :
       {std::pair(ErrorClass::kContention, 1), std::pair(ErrorClass::kOutage, 4),
        std::pair(ErrorClass::kCapacity, 4)}) {
    Fixture f;
    const ErrorClass it = error_class;
    f.sink.answer = [it](std::size_t nth) {
      return nth < 3 ? Answer{Fault::kNone, refusal(it)} : Answer{};
    };
    const auto list = messages_from(0, 5);
    const Delivered delivered = f.deliver(list);
    CHECK(delivered.ends[Fate::kStored] == 5);
    CHECK(delivered.retried_frames == 1);
    CHECK(f.errors.size() == 3);
    CHECK(f.target.connections == connections);
  }
}

TEST_CASE("courier: a connection from before the breaker opened is not what probes") {
  Fixture f;
  Courier courier(f.context);
  CHECK(f.deliver(courier, messages_from(0, 5)).ends[Fate::kStored] == 5);
  CHECK(f.deliver(courier, messages_from(5, 5)).ends[Fate::kStored] == 5);
  CHECK(f.target.connections == 1);
  while (!f.breaker.holds_back()) f.breaker.admit({})->failed();
  for (const std::uint64_t first : {10U, 15U, 20U}) {
    CHECK(f.deliver(courier, messages_from(first, 5)).ends[Fate::kStored] == 5);
    CHECK(f.target.connections == 2);
  }
}

TEST_CASE(
    "courier: sessions that worked and die together are replaced at once, and open no breaker") {
  for (const Fault fault : {Fault::kNone, Fault::kInDoubtStored}) {
    Fixture f;
    std::vector<std::unique_ptr<Courier>> couriers;
    for (std::uint64_t i = 0; i < 6; ++i) {
      couriers.push_back(std::make_unique<Courier>(f.context));
      CHECK(f.deliver(*couriers.back(), messages_from(5 * i, 5)).ends[Fate::kStored] == 5);
    }
    CHECK(f.target.connections == 6);
    const std::size_t written = f.sink.writes;
    // The first attempt over each old session fails, the one over a new session does not.
    f.sink.answer = [written, fault](std::size_t nth) {
      if ((nth - written) % 2 == 1) return Answer{};
      return fault == Fault::kNone ? Answer{Fault::kNone, refusal(ErrorClass::kOutage)}
                                   : Answer{fault, {}};
    };
    for (std::uint64_t i = 0; i < 6; ++i) {
      const auto list = messages_from(100 + 5 * i, 5);
      // Nobody moves the clock: a wait of any length would never end.
      CHECK(couriers[i]->deliver({list}, {}).ends[Fate::kStored] == 5);
    }
    CHECK(f.target.connections == 12);
    CHECK(f.breaker.report().transitions_total == 0);
  }
}

TEST_CASE("courier: failures over new connections open the breaker, also after a lost session") {
  Fixture f;
  Courier courier(f.context);
  CHECK(f.deliver(courier, messages_from(0, 5)).ends[Fate::kStored] == 5);
  std::vector<bool> held_back;
  f.sink.answer = [&](std::size_t nth) {
    held_back.push_back(f.breaker.holds_back());
    return nth < 8 ? Answer{Fault::kNone, refusal(ErrorClass::kOutage)} : Answer{};
  };
  CHECK(f.deliver(courier, messages_from(5, 5)).ends[Fate::kStored] == 5);
  // The lost session does not count, the five after it do.
  CHECK(held_back == std::vector<bool>{false, false, false, false, false, false, true, true, true});
}

TEST_CASE("courier: a commit in doubt is written again, and the ledger decides") {
  for (const Fault fault : {Fault::kInDoubtStored, Fault::kInDoubtNotStored}) {
    Fixture f;
    f.sink.answer = [fault](std::size_t nth) { return nth == 0 ? Answer{fault, {}} : Answer{}; };
    const auto list = messages_from(0, 5);
    const Delivered delivered = f.deliver(list);
    CHECK(delivered.ends[Fate::kStored] == 5);
    CHECK(delivered.ends[Fate::kInDoubt] == 0);
    CHECK(delivered.duplicates_suppressed == (fault == Fault::kInDoubtStored ? 5U : 0U));
    CHECK(f.sink.rows == std::vector<std::uint64_t>{0, 1, 2, 3, 4});
    CHECK_FALSE(delivered.failure.has_value());
  }
}

TEST_CASE("courier: a ledger that holds a frame that was not in doubt is a violation") {
  Fixture f;
  f.sink.ledger.insert(0);
  const auto list = messages_from(0, 5);
  CHECK(f.deliver(list).failure->error.code == "ledger");
}

TEST_CASE("courier: a row that is refused again and again while others pass is poison") {
  for (const ErrorClass error_class : {ErrorClass::kContention, ErrorClass::kUnknown}) {
    Fixture f;
    f.sink.bad = {3};
    f.sink.bad_class = error_class;
    f.sink.answer = [&](std::size_t) {
      f.budget.earn();  // as if another courier stored a frame
      return Answer{};
    };
    const Delivered delivered = f.deliver(messages_from(0, 5));
    CHECK(delivered.ends[Fate::kStored] == 4);
    CHECK(delivered.ends[Fate::kDeadLettered] == 1);
    CHECK_FALSE(delivered.failure.has_value());
    CHECK(std::set(f.stored.begin(), f.stored.end()) == std::set<std::uint64_t>{0, 1, 2, 4});
  }
}

TEST_CASE("courier: where nothing passes, a lock that is held for ever makes no row poison") {
  Fixture f;
  f.sink.answer = [](std::size_t) {
    return Answer{Fault::kNone, refusal(ErrorClass::kContention, "40001")};
  };
  const Delivered delivered = f.deliver(messages_from(0, 5));
  CHECK(delivered.ends[Fate::kUnsent] == 5);
  CHECK(delivered.ends[Fate::kDeadLettered] == 0);
}

TEST_CASE("courier: a frame that waits for a lock is not split: an earlier attempt may hold it") {
  for (const std::string code : {"55P03", "57014", "SQLITE_BUSY", "SQLITE_LOCKED_SHAREDCACHE"}) {
    CAPTURE(code);
    Fixture f;
    std::size_t begun = 0;
    f.events.on_begin = [&](std::span<const Message>) {
      ++begun;
      return std::optional<WriteError>();
    };
    f.sink.answer = [&](std::size_t nth) {
      return nth < 100 ? Answer{Fault::kNone, refusal(ErrorClass::kContention, code)} : Answer{};
    };
    CHECK(f.deliver(messages_from(0, 5)).ends[Fate::kStored] == 5);
    CHECK(begun == 1);
  }
}

TEST_CASE("courier: the rows of one frame are witnesses enough, wherever the bad one is") {
  for (const ErrorClass error_class : {ErrorClass::kContention, ErrorClass::kUnknown}) {
    for (const std::uint64_t bad : {0U, 2U, 4U}) {
      Fixture f;
      f.sink.bad = {bad};
      f.sink.bad_class = error_class;
      const Delivered delivered = f.deliver(messages_from(0, 5));
      CHECK(delivered.ends[Fate::kStored] == 4);
      CHECK(delivered.ends[Fate::kDeadLettered] == 1);
      CHECK_FALSE(delivered.failure.has_value());
      CHECK(f.stored.size() == 4);
    }
  }
}

TEST_CASE("courier: where nothing passes, an unknown error makes no row poison and ends the run") {
  Fixture f;
  f.sink.answer = [](std::size_t) { return Answer{Fault::kNone, refusal(ErrorClass::kUnknown)}; };
  const Delivered delivered = f.deliver(messages_from(0, 5));
  CHECK(delivered.ends[Fate::kUnsent] == 5);
  CHECK(delivered.ends[Fate::kDeadLettered] == 0);
  CHECK(delivered.failure.has_value());
}

TEST_CASE("courier: an unknown error is tried three times, a fatal one once") {
  for (const auto& [error_class, tries] :
       {std::pair(ErrorClass::kUnknown, 3U), std::pair(ErrorClass::kFatal, 1U)}) {
    Fixture f;
    const ErrorClass it = error_class;
    f.sink.answer = [it](std::size_t) { return Answer{Fault::kNone, refusal(it)}; };
    const auto list = messages_from(0, 1);
    const Delivered delivered = f.deliver(list);
    CHECK(delivered.ends[Fate::kUnsent] == 1);
    CHECK(delivered.failure.has_value());
    CHECK(f.sink.writes == tries);
  }
}

TEST_CASE("courier: --retries bounds the retries of a frame") {
  Fixture f;
  f.context.policy.retries = 2;
  f.sink.answer = [](std::size_t) {
    return Answer{Fault::kNone, refusal(ErrorClass::kContention)};
  };
  const auto list = messages_from(0, 5);
  const Delivered delivered = f.deliver(list);
  CHECK(delivered.ends[Fate::kUnsent] == 5);
  CHECK(delivered.failure.has_value());
  CHECK(f.sink.writes == 3);
}

TEST_CASE("courier: told to give up, what was in doubt stays so, and the rest is unsent") {
  for (const bool doubt : {true, false}) {
    Fixture f;
    f.sink.answer = [doubt](std::size_t nth) {
      if (doubt && nth == 0) return Answer{Fault::kInDoubtStored, {}};
      return Answer{Fault::kNone, refusal(ErrorClass::kOutage)};
    };
    const auto list = messages_from(0, 5);
    const Delivered delivered = f.deliver(list);
    CHECK(delivered.ends[Fate::kInDoubt] == (doubt ? 5U : 0U));
    CHECK(delivered.ends[Fate::kUnsent] == (doubt ? 0U : 5U));
    CHECK_FALSE(delivered.failure.has_value());
  }
}

TEST_CASE("courier: bad rows become dead letters, exactly those, and all others are stored") {
  for (const bool names_rows : {true, false}) {
    for (const std::set<std::uint64_t>& bad : std::vector<std::set<std::uint64_t>>{
             {0}, {99}, {50}, {0, 99}, {3, 4, 5, 70}, {10, 20, 30, 40, 50, 60, 70}}) {
      Fixture f;
      f.sink.bad = bad;
      f.sink.names_rows = names_rows;
      const auto list = messages_from(0, 100);
      const Delivered delivered = f.deliver(list);
      CHECK(delivered.ends[Fate::kStored] == 100 - bad.size());
      CHECK(delivered.ends[Fate::kDeadLettered] == bad.size());
      CHECK(delivered.ends[Fate::kUnsent] == 0);
      std::set<std::uint64_t> dead;
      CHECK(read_dead_letters(f.dir.file("dead.jsonl"), [&](const DeadLetter& letter) {
              dead.insert(letter.sequence);
            }) == 0);
      CHECK(dead == bad);
      std::vector<std::uint64_t> rows = f.sink.rows;
      std::sort(rows.begin(), rows.end());
      CHECK(std::adjacent_find(rows.begin(), rows.end()) == rows.end());
      CHECK(rows.size() == 100 - bad.size());
    }
  }
}

TEST_CASE("courier: an error that repeats a row's text is told without it") {
  Fixture f;
  f.context.policy.retries = 0;
  auto list = messages_from(0, 2);
  list[0].text = "abcdefgh";
  list[1].text = "ab";
  f.sink.answer = [](std::size_t nth) {
    WriteResult refused = refusal(ErrorClass::kContention);
    refused.error.message = nth == 0 ? "no place for abcdefgh" : "abnormal";
    return LedgerSink::Answer{.refused = refused};
  };
  f.deliver(list);
  f.deliver(list);
  REQUIRE(f.errors.size() == 2);
  CHECK(f.errors[0].error.message.find("abcdefgh") == std::string::npos);
  CHECK(f.errors[1].error.message == "abnormal");  // too short to be told from words
}

TEST_CASE("courier: an outage while bad rows are looked for splits nothing and loses nothing") {
  Fixture f;
  f.sink.bad = {7, 42};
  f.sink.answer = [](std::size_t nth) {
    return nth % 2 == 1 ? Answer{Fault::kNone, refusal(ErrorClass::kOutage)} : Answer{};
  };
  const auto list = messages_from(0, 100);
  const Delivered delivered = f.deliver(list);
  CHECK(delivered.ends[Fate::kStored] == 98);
  CHECK(delivered.ends[Fate::kDeadLettered] == 2);
}

TEST_CASE("courier: without a safe place for dead letters the run fails, and they are unsent") {
  Fixture f;
  DeadLetterBox nowhere(f.dir.file("absent/dead.jsonl"), 100);
  Fixture other;
  DeliveryContext context{.target = f.target,
                          .run = {},
                          .clock = f.clock,
                          .breaker = f.breaker,
                          .budget = f.budget,
                          .dead_letters = nowhere,
                          .policy = {},
                          .give_up = {},
                          .on_error = [](const WriteResult&) {}};
  f.sink.bad = {3};
  Courier courier(context);
  const auto list = messages_from(0, 10);
  const Delivered delivered = courier.deliver({list}, {});
  CHECK(delivered.ends[Fate::kStored] == 9);
  CHECK(delivered.ends[Fate::kDeadLettered] == 0);
  CHECK(delivered.ends[Fate::kUnsent] == 1);
  CHECK(delivered.failure->error.code == "dead_letter");
}

TEST_CASE("courier: each piece is announced before it is tried, and every row has one end") {
  Fixture f;
  f.sink.bad = {3, 7};
  std::vector<std::vector<std::uint64_t>> begun;
  std::vector<std::uint64_t> dead;
  f.events.on_begin = [&](std::span<const Message> piece) -> std::optional<WriteError> {
    begun.emplace_back();
    for (const Message& message : piece) begun.back().push_back(message.sequence);
    return std::nullopt;
  };
  f.events.on_dead = [&](std::span<const Message> part) {
    for (const Message& message : part) dead.push_back(message.sequence);
  };
  const auto list = messages_from(0, 10);
  const Delivered delivered = f.deliver(list);
  CHECK(delivered.ends[Fate::kStored] == 8);
  CHECK(begun.front().size() == 10);
  CHECK(begun.size() > 3);
  CHECK(dead == std::vector<std::uint64_t>{3, 7});
  CHECK(f.stored == std::vector<std::uint64_t>{0, 1, 2, 4, 5, 6, 8, 9});
}

TEST_CASE("courier: a piece that may not be begun is not tried, and ends delivery") {
  Fixture f;
  f.events.on_begin = [](std::span<const Message>) {
    return std::optional(WriteError{.code = "spool", .error_class = ErrorClass::kFatal});
  };
  const auto list = messages_from(0, 3);
  const Delivered delivered = f.deliver(list);
  CHECK(f.sink.writes == 0);
  CHECK(delivered.ends[Fate::kUnsent] == 3);
  REQUIRE(delivered.failure.has_value());
  CHECK(delivered.failure->error.code == "spool");
}

TEST_CASE("courier: messages that the callback keeps are neither unsent nor in doubt") {
  for (const bool doubt : {true, false}) {
    Fixture f;
    f.sink.answer = [doubt](std::size_t nth) {
      if (doubt && nth == 0) return Answer{Fault::kInDoubtStored, {}};
      return Answer{Fault::kNone, refusal(ErrorClass::kOutage)};
    };
    std::vector<Fate> left;
    f.events.on_unstored = [&](std::span<const Message> messages, Fate fate) {
      left.insert(left.end(), messages.size(), fate);
      return true;
    };
    const auto list = messages_from(0, 5);
    const Delivered delivered = f.deliver(list);
    CHECK(left == std::vector<Fate>(5, doubt ? Fate::kInDoubt : Fate::kUnsent));
    CHECK(delivered.ends[Fate::kUnsent] + delivered.ends[Fate::kInDoubt] == 0);
  }
}

TEST_CASE("courier: a session that never answers is given up when it is overdue, and made anew") {
  Fixture f;
  SilentOnceTarget target(f.sink);
  DeliveryContext context{.target = target,
                          .run = {.run_id = 1, .anchor = {}},
                          .clock = f.clock,
                          .breaker = f.breaker,
                          .budget = f.budget,
                          .dead_letters = f.dead_letters,
                          .policy = {},
                          .give_up = f.give_up.get_token(),
                          .on_error = [&](const WriteResult& error) { f.errors.push_back(error); }};
  Courier courier(context);
  std::jthread watchdog([&](const std::stop_token& stop) {
    while (target.connections == 0 && !stop.stop_requested()) std::this_thread::yield();
    // Not overdue yet, and then it is.
    CHECK(courier.interrupt_if_overdue(TimePoint::min()).has_value());
    CHECK_FALSE(courier.interrupt_if_overdue(TimePoint::max()).has_value());
  });
  const auto list = messages_from(0, 3);
  CHECK(f.deliver(courier, list).ends[Fate::kStored] == 3);
  CHECK(target.connections == 2);
  REQUIRE(f.errors.size() == 1);
  CHECK(f.errors[0].error.code == "timeout");
  CHECK(f.errors[0].error.message == "the database did not answer within 30s (--timeout)");
}

TEST_CASE("courier: what connecting took is a part of the attempt's time") {
  Fixture f;
  f.target.on_connect = [&] { f.clock.advance(20s); };
  Courier courier(f.context);
  bool overdue = false;
  f.sink.answer = [&](std::size_t) {
    overdue = !courier.interrupt_if_overdue(f.clock.now() - 15s).has_value();
    return Answer{};
  };
  const auto list = messages_from(0, 3);
  CHECK(courier.deliver({list}, {}).ends[Fate::kStored] == 3);
  CHECK(overdue);
}
