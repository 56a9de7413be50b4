// The contract of sink/sink.h, run over every database and every way to insert.

#include "sink/sink.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "model/generator.h"
#include "sink/make_target.h"
#include "support/postgres.h"
#include "support/sql.h"
#include "support/temp_dir.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

struct StoredMessage {
  std::int64_t producer;
  std::string text;
};

// A kind of target, opened on an empty table.
struct Bench {
  Bench(std::string db, InsertMethod insert, Delivery delivery = Delivery::kExactlyOnce) {
    options.db = std::move(db);
    options.insert = insert;
    options.delivery = delivery;
    options.table = unique_table();
    target = make_target(options, clock);
    target->open();
  }

  std::unique_ptr<Sink> connect(std::int64_t run_id = 1) {
    return target->connect({first_run + run_id, {clock.now(), clock.wall_now()}}, {});
  }

  std::map<std::int64_t, StoredMessage> stored(std::int64_t run_id = 1) {
    std::map<std::int64_t, StoredMessage> rows;
    target->rows()->read_back(first_run + run_id, RowContent::kTexts, [&](const StoredRow& row) {
      CHECK(rows.emplace(row.sequence, StoredMessage{row.producer, std::string(row.text)}).second);
      return true;
    });
    return rows;
  }

  SteadyClock clock;
  Options options;
  const std::int64_t first_run = unique_run() * 1000;  // of those this test uses
  std::unique_ptr<Target> target;
};

std::vector<Message> messages(std::uint64_t first, std::size_t count, const Clock& clock) {
  const Generator generator(7, 64);
  std::vector<Message> list(count);
  for (std::size_t i = 0; i < count; ++i) {
    list[i].sequence = first + i;
    list[i].producer = static_cast<std::uint32_t>(i % 3);
    list[i].due = list[i].created = list[i].taken = clock.now();
    generator.generate(list[i].sequence, list[i].producer, list[i].text);
  }
  return list;
}

// Sizes that need each statement a sink may keep, twice where a size may be prepared.
constexpr std::array<std::size_t, 11> kFrameSizes{1, 1, 2, 49, 50, 51, 500, 500, 500, 7, 1234};

// All ways to insert that a target at this address takes. Connects to nothing.
std::vector<InsertMethod> methods_of(const std::string& db) {
  std::vector<InsertMethod> methods;
  SteadyClock clock;
  Options options;
  options.db = db;
  for (const auto& [method, name] : kInsertMethodNames) {
    if (method == InsertMethod::kAuto) continue;
    options.insert = method;
    try {
      make_target(options, clock);
      methods.push_back(method);
    } catch (const UsageError&) {
    }
  }
  return methods;
}

// Calls test(db, method) for every kind that keeps rows, and every way to insert that it takes.
template <typename Test>
void for_each_kind(Test test) {
  const TempDir dir;
  for (const InsertMethod method : methods_of("sqlite:x.db")) {
    CAPTURE(to_name(method));
    test("sqlite:" + dir.file(std::string(to_name(method)) + ".db"), method);
  }
  const auto postgres = test_postgres();
  if (!postgres) return;
  for (const InsertMethod method : methods_of(*postgres)) {
    CAPTURE(to_name(method));
    test(*postgres, method);
  }
}

}  // namespace

TEST_CASE("sink: every way to insert is tested here") {
  using enum InsertMethod;
  CHECK(methods_of("sqlite:x.db") == std::vector{kMulti, kSingle});
  CHECK(methods_of("postgres://h/d") == std::vector{kCopy, kMulti, kUnnest, kSingle});
  CHECK(methods_of("null:").empty());
}

TEST_CASE("sink: a written frame is stored, every column of every row") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    const auto sink = bench.connect(987);
    std::uint64_t next = 0;
    for (const std::size_t rows : kFrameSizes) {
      const auto frame = messages(next, rows, bench.clock);
      const WriteResult result = sink->write({frame});
      REQUIRE(result.outcome == WriteOutcome::kWritten);
      CHECK(result.error.code.empty());
      next += rows;
    }
    const auto stored = bench.stored(987);
    REQUIRE(stored.size() == next);
    std::uint64_t expected = 0;
    for (const std::size_t rows : kFrameSizes) {
      for (const Message& message : messages(expected, rows, bench.clock)) {
        const auto& row = stored.at(static_cast<std::int64_t>(message.sequence));
        CHECK(row.producer == message.producer);
        CHECK(row.text == message.text);
      }
      expected += rows;
    }
  });
}

TEST_CASE("sink: a frame larger than a statement may be is still one transaction") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    if (method == InsertMethod::kSingle) return;
    Bench bench(db, method);
    // 65535 parameters at four a row are 16383 rows.
    const auto frame = messages(0, 40'000, bench.clock);
    REQUIRE(bench.connect()->write({frame}).outcome == WriteOutcome::kWritten);
    CHECK(bench.stored().size() == 40'000);
  });
}

TEST_CASE("sink: runs do not see each other's rows") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    const auto one = messages(0, 3, bench.clock);
    const auto two = messages(5, 4, bench.clock);
    REQUIRE(bench.connect(1)->write({one}).outcome == WriteOutcome::kWritten);
    REQUIRE(bench.connect(2)->write({two}).outcome == WriteOutcome::kWritten);
    CHECK(bench.stored(1).size() == 3);
    CHECK(bench.stored(2).size() == 4);
    CHECK(bench.stored(3).empty());
  });
}

TEST_CASE("sink: with a ledger a frame that is written again is stored once, by any sink") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    const auto sink = bench.connect();
    const auto frame = messages(0, 3, bench.clock);
    REQUIRE(sink->write({frame}).outcome == WriteOutcome::kWritten);
    CHECK(sink->write({frame}).outcome == WriteOutcome::kAlreadyWritten);
    CHECK(bench.connect()->write({frame}).outcome == WriteOutcome::kAlreadyWritten);
    // It is known by its id and its run, and the sink can go on.
    CHECK(bench.connect(2)->write({frame}).outcome == WriteOutcome::kWritten);
    CHECK(sink->write({messages(3, 2, bench.clock), 0}).outcome == WriteOutcome::kAlreadyWritten);
    CHECK(sink->write({messages(3, 2, bench.clock)}).outcome == WriteOutcome::kWritten);
    CHECK(bench.stored().size() == 5);
  });
}

TEST_CASE("sink: without a ledger a frame that is written again is stored again") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method, Delivery::kAtLeastOnce);
    const auto sink = bench.connect();
    const auto frame = messages(0, 3, bench.clock);
    CHECK(sink->write({frame}).outcome == WriteOutcome::kWritten);
    CHECK(sink->write({frame}).outcome == WriteOutcome::kWritten);
    CHECK(sql(db, "SELECT count(*), count(DISTINCT sequence) FROM " + bench.options.table) ==
          SqlRows{{"6", "3"}});
  });
}

TEST_CASE("sink: several sinks write at the same time") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    std::vector<std::unique_ptr<Sink>> sinks;
    for (int i = 0; i < 4; ++i) sinks.push_back(bench.connect());
    std::atomic<int> written{0};
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < sinks.size(); ++i) {
        threads.emplace_back([&, i] {
          for (std::uint64_t k = 0; k < 10; ++k) {
            const auto frame = messages(i * 1000 + k * 20, 20, bench.clock);
            written += sinks[i]->write({frame}).outcome == WriteOutcome::kWritten ? 1 : 0;
          }
        });
      }
    }
    CHECK(written == 40);
    CHECK(bench.stored().size() == 800);
  });
}

TEST_CASE("sink: once interrupted it writes nothing more, and says so") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    const auto sink = bench.connect();
    const auto first = messages(0, 5, bench.clock);
    REQUIRE(sink->write({first}).outcome == WriteOutcome::kWritten);
    sink->interrupt();
    const auto second = messages(5, 5, bench.clock);
    const WriteResult result = sink->write({second});
    CHECK(result.outcome != WriteOutcome::kWritten);
    CHECK_FALSE(result.error.code.empty());
    CHECK_FALSE(result.error.message.empty());
    CHECK(bench.stored().size() == 5);
  });
}

TEST_CASE("sink: a frame the database refuses leaves no row behind, whichever row it was") {
  for (const int bad : {0, 57, 199}) {
    CAPTURE(bad);
    for_each_kind([&](const std::string& db, InsertMethod method) {
      Bench bench(db, method);
      const auto sink = bench.connect();
      refuse_sequence(db, bench.options.table, bad);
      const auto frame = messages(0, 200, bench.clock);
      const WriteResult result = sink->write({frame});
      CHECK(result.outcome == WriteOutcome::kNotWritten);
      CHECK(result.error.error_class == ErrorClass::kPoison);
      CHECK(result.sink_is_usable());
      CHECK_FALSE(result.error.code.empty());
      CHECK_FALSE(result.error.message.empty());
      CHECK(bench.stored().empty());
    });
  }
}

TEST_CASE("sink: created_at is when the message was made, to the microsecond") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    auto frame = messages(0, 1, bench.clock);
    const WallAnchor anchor{frame[0].created - 1500ms,
                            WallTime(std::chrono::microseconds(1'700'000'000'123'456))};
    const auto sink = bench.target->connect({bench.first_run + 1, anchor}, {});
    REQUIRE(sink->write({frame}).outcome == WriteOutcome::kWritten);
    const std::string created_at =
        db.starts_with("sqlite:")
            ? "created_at"
            : "(extract(epoch FROM created_at) * 1000000)::bigint AS created_at";
    CHECK(sql(db, "SELECT " + created_at + " FROM " + bench.options.table) ==
          SqlRows{{"1700000001623456"}});
  });
}

TEST_CASE("target: reading back stops when the visitor has seen enough") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    const auto frame = messages(0, 100, bench.clock);
    REQUIRE(bench.connect()->write({frame}).outcome == WriteOutcome::kWritten);
    int seen = 0;
    bench.target->rows()->read_back(bench.first_run + 1, RowContent::kSequences,
                                    [&](const StoredRow&) { return ++seen < 10; });
    CHECK(seen == 10);
  });
}

TEST_CASE("target: asked for sequences, a reader tells nothing else") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    const auto frame = messages(0, 3, bench.clock);
    REQUIRE(frame[2].producer == 2);
    REQUIRE(bench.connect()->write({frame}).outcome == WriteOutcome::kWritten);
    std::set<std::int64_t> sequences;
    bench.target->rows()->read_back(bench.first_run + 1, RowContent::kSequences,
                                    [&](const StoredRow& row) {
                                      sequences.insert(row.sequence);
                                      CHECK(row.producer == 0);
                                      CHECK(row.text.empty());
                                      return true;
                                    });
    CHECK(sequences == std::set<std::int64_t>{0, 1, 2});
  });
}

TEST_CASE("target: opening twice keeps tables and rows") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    const auto frame = messages(0, 3, bench.clock);
    REQUIRE(bench.connect()->write({frame}).outcome == WriteOutcome::kWritten);
    const auto again = make_target(bench.options, bench.clock);
    again->open();
    std::size_t rows = 0;
    again->rows()->read_back(bench.first_run + 1, RowContent::kSequences,
                             [&](const StoredRow&) { return ++rows > 0; });
    CHECK(rows == 3);
  });
}

TEST_CASE("target: a run's record is made at its start and completed at its end") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    const std::int64_t run_id = bench.clock.wall_now().time_since_epoch().count();
    bench.target->run_log()->start({run_id, "1.2.3", bench.clock.wall_now(), R"({"a": "it's"})"});
    // The same run again would be another run's id: refused, not overwritten.
    CHECK_THROWS(bench.target->run_log()->start({run_id, "1", bench.clock.wall_now(), "{}"}));
    const std::string where = " FROM loadgen_runs WHERE run_id = " + std::to_string(run_id);
    CHECK(sql(db, "SELECT ended_at IS NULL, result IS NULL" + where).size() == 1);
    bench.target->run_log()->end(run_id, bench.clock.wall_now(), R"({"b": 2})");
    CHECK(sql(db, "SELECT app_version, table_name, config, result" + where) ==
          SqlRows{{"1.2.3", bench.options.table, R"({"a": "it's"})", R"({"b": 2})"}});
    CHECK(sql(db, "SELECT count(*)" + where + " AND ended_at >= started_at") == SqlRows{{"1"}});
  });
}

TEST_CASE("target: a run is found by its id, with what the ledger holds of it") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    const std::int64_t run_id = bench.first_run + 1;
    RunLog& log = *bench.target->run_log();
    CHECK_FALSE(log.find(run_id));
    log.start({run_id, "1", bench.clock.wall_now(), R"({"a": 1})"});
    const auto sink = bench.connect();
    REQUIRE(sink->write({messages(0, 3, bench.clock)}).stored());
    REQUIRE(sink->write({messages(3, 4, bench.clock)}).stored());
    REQUIRE(bench.connect(2)->write({messages(0, 5, bench.clock)}).stored());

    const auto later = make_target(bench.options, bench.clock);  // and not opened
    CHECK(later->run_log()->find(std::nullopt));
    CHECK_FALSE(later->run_log()->find(run_id + 1));
    const auto unfinished = later->run_log()->find(run_id);
    REQUIRE(unfinished);
    CHECK(unfinished->run_id == run_id);
    CHECK(unfinished->table == bench.options.table);
    CHECK(unfinished->config_json == R"({"a": 1})");
    CHECK(unfinished->result_json.empty());
    CHECK(unfinished->ledger_frames == 2);
    CHECK(unfinished->ledger_rows == 7);
    log.end(run_id, bench.clock.wall_now(), R"({"b": 2})");
    CHECK(later->run_log()->find(run_id)->result_json == R"({"b": 2})");
  });
}

TEST_CASE("target: the result of a run whose record is gone is an error, not silence") {
  for_each_kind([](const std::string& db, InsertMethod method) {
    Bench bench(db, method);
    RunLog& log = *bench.target->run_log();
    std::string problem;
    try {
      log.end(bench.first_run + 1, {}, "{}");
    } catch (const SetupError& error) {
      problem = error.what();
    }
    CHECK(problem.ends_with(": the run's row in loadgen_runs was deleted during the run"));
  });
}

TEST_CASE("target: the null target takes everything and keeps nothing") {
  SteadyClock clock;
  Options options;
  options.db = "null:";
  const auto target = make_target(options, clock);
  target->open();
  CHECK(target->info().kind == "null");
  CHECK(target->run_log() == nullptr);
  CHECK(target->rows() == nullptr);
  const auto sink = target->connect({}, {});
  const auto frame = messages(0, 10, clock);
  CHECK(sink->write({frame}).outcome == WriteOutcome::kWritten);
  sink->interrupt();
  CHECK(sink->write({frame}).outcome == WriteOutcome::kNotWritten);
}
