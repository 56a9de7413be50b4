// The checker is itself checked by mutation: each kind of damage done to a real table must be
// reported exactly.

#include "audit/audit.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "sink/make_target.h"
#include "support/postgres.h"
#include "support/sql.h"
#include "support/temp_dir.h"

using namespace loadgen;

namespace {

// A table with messages 0..99 of run 1, all acknowledged.
struct Stored {
  explicit Stored(std::string db) {
    options.db = std::move(db);
    options.table = unique_table();
    target = make_target(options, clock);
    target->open();
    store();
    acknowledged.insert({0, 100});
    produced.insert({0, 100});
  }

  void store() {
    std::vector<Message> messages(100);
    for (std::uint64_t i = 0; i < 100; ++i) {
      messages[i].sequence = i;
      messages[i].producer = i % 4;
      generator.generate(i, messages[i].producer, messages[i].text);
    }
    REQUIRE(target->connect({run, {}}, {})->write({messages}).outcome == WriteOutcome::kWritten);
  }

  void mutate(const std::string& statement, const std::string& rest) {
    sql(options.db, statement + " " + options.table + " " + rest);
  }
  // Adds copies of the rows that `where` tells, with this for their sequence.
  void copy_rows(const std::string& where, const std::string& sequence = "sequence") {
    mutate(
        "INSERT INTO",
        "(message, created_at, run_id, sequence, producer) SELECT message, created_at, run_id, " +
            sequence + ", producer FROM " + options.table + " WHERE " + where);
  }
  AuditResult check(VerifyMode mode, std::uint64_t duplicates_allowed = 0,
                    const std::stop_token& stop = {}) {
    return audit(target->rows(), {run, acknowledged, produced, generator, duplicates_allowed}, mode,
                 stop);
  }

  SteadyClock clock;
  Options options;
  const Generator generator{42, 64};
  std::int64_t run = unique_run();
  SequenceSet acknowledged;
  SequenceSet produced;
  std::unique_ptr<Target> target;
};

template <typename Table>
void for_each_database(const std::function<void(Table&)>& test) {
  const TempDir dir;
  Table sqlite("sqlite:" + dir.file("audit.db"));
  test(sqlite);
  if (const auto address = test_postgres()) {
    Table postgres(*address);
    test(postgres);
  }
}

struct Expected {
  std::uint64_t checked, lost, duplicated, unexpected, corrupted;
  bool passed;
};

void check(const AuditResult& result, const Expected& expected) {
  CHECK(result.checked == expected.checked);
  CHECK(result.lost == expected.lost);
  CHECK(result.duplicated == expected.duplicated);
  CHECK(result.unexpected == expected.unexpected);
  CHECK(result.corrupted == expected.corrupted);
  CHECK(result.passed == expected.passed);
}

}  // namespace

TEST_CASE("audit: an untouched table passes in both modes") {
  for_each_database<Stored>([](Stored& stored) {
    check(stored.check(VerifyMode::kCount), {100, 0, 0, 0, 0, true});
    check(stored.check(VerifyMode::kFull), {100, 0, 0, 0, 0, true});
    CHECK(stored.check(VerifyMode::kFull).mode == VerifyMode::kFull);
  });
}

TEST_CASE("audit: deleted rows are lost, exactly those") {
  for_each_database<Stored>([](Stored& stored) {
    stored.mutate("DELETE FROM", "WHERE sequence IN (0, 17, 99)");
    check(stored.check(VerifyMode::kCount), {97, 3, 0, 0, 0, false});
  });
}

TEST_CASE("audit: a doubled row is duplicated") {
  for_each_database<Stored>([](Stored& stored) {
    stored.copy_rows("sequence IN (5, 6)");
    check(stored.check(VerifyMode::kCount), {102, 0, 2, 0, 0, false});
  });
}

TEST_CASE("audit: what was written again without a ledger may be there twice, and no more") {
  for_each_database<Stored>([](Stored& stored) {
    stored.copy_rows("sequence = 3");
    for (const std::uint64_t allowed : {0U, 1U, 2U}) {
      const AuditResult result = stored.check(VerifyMode::kCount, allowed);
      CHECK(result.duplicated == 1);
      CHECK(result.passed == (allowed >= 1));
    }
  });
}

TEST_CASE("audit: an invented row is unexpected") {
  for_each_database<Stored>([](Stored& stored) {
    stored.copy_rows("sequence = 5", "sequence + 1000");
    stored.copy_rows("sequence = 5", "-1");
    check(stored.check(VerifyMode::kCount), {102, 0, 0, 2, 0, false});
  });
}

TEST_CASE("audit: an altered text is corrupted, which only the full mode can see") {
  for_each_database<Stored>([](Stored& stored) {
    stored.mutate("UPDATE", "SET message = message || ' ' WHERE sequence = 5");
    stored.mutate("UPDATE", "SET message = '' WHERE sequence = 6");
    check(stored.check(VerifyMode::kCount), {100, 0, 0, 0, 0, true});
    check(stored.check(VerifyMode::kFull), {100, 0, 0, 0, 2, false});
  });
}

TEST_CASE("audit: a row under another producer's number is corrupted") {
  for_each_database<Stored>([](Stored& stored) {
    stored.mutate("UPDATE", "SET producer = producer + 1 WHERE sequence = 5");
    stored.mutate("UPDATE", "SET producer = -1 WHERE sequence = 6");
    check(stored.check(VerifyMode::kFull), {100, 0, 0, 0, 2, false});
  });
}

TEST_CASE("audit: a renumbered row is lost here and unexpected or doubled there") {
  for_each_database<Stored>([](Stored& stored) {
    stored.mutate("UPDATE", "SET sequence = 6 WHERE sequence = 5");
    check(stored.check(VerifyMode::kCount), {100, 1, 1, 0, 0, false});
  });
}

TEST_CASE("audit: what was produced but never acknowledged may be there or not") {
  for_each_database<Stored>([](Stored& stored) {
    stored.produced.insert({100, 120});  // in doubt and not there
    stored.acknowledged = {};
    stored.acknowledged.insert({0, 90});  // 90..99 in doubt and there
    const AuditResult result = stored.check(VerifyMode::kFull);
    check(result, {100, 0, 0, 0, 0, true});
    CHECK(result.recovered == 10);
    stored.acknowledged.insert({90, 100});
    CHECK(stored.check(VerifyMode::kCount).recovered == 0);
  });
}

TEST_CASE("audit: another run's rows do not matter") {
  for_each_database<Stored>([](Stored& stored) {
    stored.mutate("UPDATE", "SET run_id = 2 WHERE sequence >= 50");
    check(stored.check(VerifyMode::kCount), {50, 50, 0, 0, 0, false});
  });
}

TEST_CASE("audit: off, or with nothing to read back, there is no judgement") {
  for_each_database<Stored>([](Stored& stored) {
    const AuditResult off = stored.check(VerifyMode::kOff);
    CHECK(off.mode == VerifyMode::kOff);
    CHECK_FALSE(off.passed.has_value());
  });
  SteadyClock clock;
  Options options;
  options.db = "null:";
  const auto target = make_target(options, clock);
  const SequenceSet none;
  const Generator generator(1, 1);
  const AuditResult result =
      audit(target->rows(), {1, none, none, generator}, VerifyMode::kFull, {});
  CHECK(result.mode == VerifyMode::kOff);
  CHECK_FALSE(result.passed.has_value());
}

TEST_CASE("audit: stopped early, there is no judgement") {
  for_each_database<Stored>([](Stored& stored) {
    std::stop_source stop;
    stop.request_stop();
    const AuditResult result = stored.check(VerifyMode::kCount, 0, stop.get_token());
    CHECK_FALSE(result.passed.has_value());
    CHECK(result.checked == 1);
  });
}

TEST_CASE("audit: a table that is gone is an error, not a verdict") {
  for_each_database<Stored>([](Stored& stored) {
    sql(stored.options.db, "DROP TABLE " + stored.options.table);
    CHECK_THROWS_AS(stored.check(VerifyMode::kCount), SetupError);
  });
}

namespace {

// A second run of a hundred messages, recorded as the pipeline does.
struct StoredAfter : Stored {
  explicit StoredAfter(const std::string& db) : Stored(db) {
    run = unique_run();
    target->run_log()->start(
        {.run_id = run, .app_version = "1", .started_at = {}, .config_json = "{}"});
    store();
  }
  // As a later program does, which knows the run from its record.
  std::unique_ptr<Target> find_again() {
    auto later = make_target(options, clock);
    REQUIRE(later->run_log()->find(run));
    return later;
  }
  [[nodiscard]] AuditResult check_recorded(Target& later) const {
    RecordedFacts facts;
    facts.run_id = run;
    facts.seed = 42;
    facts.message_size = 64;
    facts.stored = 100;
    return audit_recorded(later.rows(), facts, VerifyMode::kFull);
  }
};

}  // namespace

TEST_CASE("audit: what was there before the run is not searched, as long as its last row is") {
  for_each_database<StoredAfter>([](StoredAfter& stored) {
    const std::string of_run = " WHERE run_id = " + std::to_string(stored.run);
    // It tells whether older rows are read.
    stored.mutate("INSERT INTO",
                  "(id, message, created_at, run_id, sequence, producer) SELECT -1, message, "
                  "created_at, run_id, sequence, producer FROM " +
                      stored.options.table + of_run + " AND sequence = 7");
    check(stored.check(VerifyMode::kFull), {100, 0, 0, 0, 0, true});
    const auto later = stored.find_again();
    check(stored.check_recorded(*later), {100, 0, 0, 0, 0, true});
    REQUIRE(later->run_log()->find(stored.run));

    stored.mutate("DELETE FROM", "WHERE id = (SELECT max(id) FROM " + stored.options.table +
                                     " WHERE run_id <> " + std::to_string(stored.run) + ")");
    check(stored.check(VerifyMode::kFull), {101, 0, 1, 0, 0, false});
    check(stored.check_recorded(*later), {101, 0, 1, 0, 0, false});
  });
}

TEST_CASE("audit: no row is lost that is anywhere in the table") {
  for_each_database<StoredAfter>([](StoredAfter& stored) {
    stored.mutate("UPDATE",
                  "SET id = -id WHERE sequence = 7 AND run_id = " + std::to_string(stored.run));
    check(stored.check(VerifyMode::kFull), {100, 0, 0, 0, 0, true});
    check(stored.check_recorded(*stored.find_again()), {100, 0, 0, 0, 0, true});
  });
}
