#include "sink/postgres_target.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "sink/postgres_address.h"
#include "support/messages.h"
#include "support/postgres_bench.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

constexpr const char* kColumns =
    "(id bigserial, message varchar(256), created_at timestamptz, run_id bigint, sequence bigint, "
    "producer integer";

}  // namespace

TEST_CASE("postgres: the durability in force is set on the sinks' sessions and reported") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  for (const auto& [durability, value] :
       {std::pair(Durability::kFull, "on"), std::pair(Durability::kRelaxed, "off")}) {
    const auto target = bench.target(InsertMethod::kAuto, durability);
    target->open();
    CHECK(target->info().durability.at(0) ==
          std::pair<std::string, std::string>("synchronous_commit", value));
    CHECK(target->info().insert == InsertMethod::kCopy);
    // A trigger sees the session the rows come in on.
    sql(bench.db, "CREATE TABLE IF NOT EXISTS " + bench.table + "_seen (value text)");
    sql(bench.db, "TRUNCATE " + bench.table + "_seen");
    sql(bench.db, "CREATE OR REPLACE FUNCTION " + bench.table +
                      "_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO " +
                      bench.table +
                      "_seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$");
    sql(bench.db, "CREATE OR REPLACE TRIGGER seen BEFORE INSERT ON " + bench.table +
                      " FOR EACH ROW EXECUTE FUNCTION " + bench.table + "_f()");
    bench.run = unique_run();
    const auto frame = some_messages(1);
    REQUIRE(target->connect({bench.run, {}}, {})->write({frame}).outcome == WriteOutcome::kWritten);
    CHECK(sql(bench.db, "SELECT value FROM " + bench.table + "_seen") == SqlRows{{value}});
  }
}

TEST_CASE("postgres: a table with missing columns or other types is named, refused, left alone") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  sql(bench.db, "CREATE TABLE " + bench.table + " (id bigserial, message text)");
  CHECK(contains(bench.error_of_open(),
                 "table " + bench.table + " does not fit: it has no column created_at"));
  bench.table = unique_table();
  sql(bench.db, "CREATE TABLE " + bench.table +
                    " (message text, created_at timestamptz, run_id bigint, sequence integer, "
                    "producer integer)");
  CHECK(contains(bench.error_of_open(), "its column sequence is of type integer, not bigint"));
  bench.table = unique_table();
  sql(bench.db, "CREATE TABLE " + bench.table + kColumns + ", tenant text NOT NULL)");
  CHECK(contains(bench.error_of_open(), "its column tenant must have a value"));
  bench.table = unique_table();
  sql(bench.db, "CREATE TABLE " + bench.table + kColumns + ", tenant text NOT NULL DEFAULT 'x')");
  CHECK(bench.error_of_open().empty());
}

TEST_CASE("postgres: a user who may insert but not create can use tables that are there") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  bench.target()->open();
  const std::string role = "r" + bench.table;
  sql(bench.db, "CREATE ROLE " + role + " LOGIN");
  sql(bench.db, "GRANT SELECT, INSERT ON " + bench.table + " TO " + role);
  sql(bench.db, "GRANT SELECT, INSERT, UPDATE ON loadgen_runs TO " + role);
  sql(bench.db, "GRANT SELECT, INSERT ON loadgen_ledger TO " + role);
  bench.db += "&user=" + role;
  CHECK(bench.error_of_open().empty());
  bench.table += "_absent";
  CHECK(contains(bench.error_of_open(), "permission denied"));
}

TEST_CASE("postgres: hostile table names are quoted") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  bench.target()->open();
  const std::string canary = bench.table;
  for (const std::string& table : {canary + "\"; DROP TABLE " + canary + ";--", "select " + canary,
                                   "日本 " + canary, "'" + canary}) {
    CAPTURE(table);
    bench.table = table;
    bench.run = unique_run();
    const auto target = bench.target();
    target->open();
    target->open();  // finds it again
    const auto frame = some_messages(2);
    CHECK(target->connect({bench.run, {}}, {})->write({frame}).outcome == WriteOutcome::kWritten);
    int rows = 0;
    target->rows()->read_back(bench.run, RowContent::kTexts,
                              [&](const StoredRow&) { return ++rows > 0; });
    CHECK(rows == 2);
  }
  CHECK(sql(bench.db, "SELECT count(*) FROM " + canary) == SqlRows{{"0"}});
}

TEST_CASE("postgres: a session that ends while a frame is under way is no success") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  const auto target = bench.target();
  target->open();
  const auto sink = target->connect({bench.run, {}}, {});
  const std::string name = bench.table;
  const auto first = some_messages(1);
  REQUIRE(sink->write({first}).outcome == WriteOutcome::kWritten);
  sql(bench.db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%" +
                    name + "%' AND pid <> pg_backend_pid()");
  const auto second = some_messages(5);
  const WriteResult result = sink->write({second});
  CHECK(result.outcome == WriteOutcome::kNotWritten);  // the COPY never began
  CHECK_FALSE(result.error.code.empty());
  CHECK(sql(bench.db, "SELECT count(*) FROM " + name) == SqlRows{{"1"}});
}

TEST_CASE("postgres: a commit that a dying session leaves open is in doubt") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  for (const InsertMethod method :
       {InsertMethod::kCopy, InsertMethod::kMulti, InsertMethod::kUnnest, InsertMethod::kSingle}) {
    CAPTURE(to_name(method));
    bench.begin_anew();
    const auto target = bench.target(method);
    target->open();
    // The commit waits in a deferred trigger, and there the session is ended.
    sql(bench.db, "CREATE FUNCTION f" + bench.table +
                      "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); "
                      "RETURN NULL; END $$");
    sql(bench.db, "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON " + bench.table +
                      " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f" +
                      bench.table + "()");
    const auto sink = target->connect({bench.run, {}}, {});
    const auto frame = some_messages(1);
    WriteResult result;
    {
      std::jthread writer([&] { result = sink->write({frame}); });
      const std::string sleeping =
          "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%" + bench.table +
          "%' AND pid <> pg_backend_pid()";
      while (sql(bench.db, "SELECT pg_terminate_backend(pid) " + sleeping).empty()) {
        std::this_thread::sleep_for(5ms);
      }
    }
    CHECK(result.outcome == WriteOutcome::kInDoubt);
  }
}

TEST_CASE("postgres: a deferred constraint that fails at the commit is a plain refusal") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  const auto target = bench.target();
  target->open();
  sql(bench.db, "CREATE FUNCTION f" + bench.table +
                    "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$");
  sql(bench.db, "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON " + bench.table +
                    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f" + bench.table +
                    "()");
  const auto frame = some_messages(3);
  const WriteResult result = target->connect({bench.run, {}}, {})->write({frame});
  CHECK(result.outcome == WriteOutcome::kNotWritten);
  CHECK(result.error.code == "P0001");
  CHECK(result.error.message == "no");
}

TEST_CASE("postgres: a text longer than any may be is refused, and overruns nothing") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  const auto target = bench.target();
  target->open();
  const auto sink = target->connect({bench.run, {}}, {});
  for (const std::size_t longest :
       {std::size_t{257}, std::size_t{70'000}, std::size_t{2'000'000}}) {
    CAPTURE(longest);
    auto frame = some_messages(400);
    for (Message& message : frame) message.text.assign(256, 'x');
    frame[300].text.assign(longest, 'y');
    const WriteResult result = sink->write({frame});
    CHECK(result.outcome == WriteOutcome::kNotWritten);
    CHECK(result.error.error_class == ErrorClass::kPoison);
    CHECK(result.error.code == "22001");
  }
  CHECK(sink->write({some_messages(3)}).stored());  // the session lives on
}

TEST_CASE("postgres: errors carry no row data") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  const auto target = bench.target();
  target->open();
  sql(bench.db, "ALTER TABLE " + bench.table + " ADD CHECK (message <> 'CANARY')");
  auto frame = some_messages(1);
  frame[0].text = "CANARY";
  const WriteResult result = target->connect({bench.run, {}}, {})->write({frame});
  CHECK(result.outcome == WriteOutcome::kNotWritten);
  CHECK(result.error.code == "23514");
  CHECK_FALSE(contains(result.error.message, "CANARY"));
}

TEST_CASE("postgres: an address keeps what it says and gets the missing defaults") {
  const std::string given =
      complete_conninfo("postgres://u@h/d?connect_timeout=3&application_name=mine");
  CHECK(contains(given, "connect_timeout='3'"));
  CHECK(contains(given, "application_name='mine'"));
  CHECK(contains(given, "tcp_user_timeout='10000'"));
  CHECK_FALSE(contains(given, "connect_timeout='10'"));
  CHECK(contains(complete_conninfo("host=h password='a b\\'c'"), "password='a b\\'c'"));
}

TEST_CASE("postgres: which database it is does not depend on how it is addressed") {
  const std::string place = place_of("postgres://u:secret@h:7/d");
  CHECK(place == "postgres host='h' port='7' dbname='d'");
  CHECK(place_of("port=7 dbname=d user=other host=h") == place);
  CHECK(place_of("postgres://h:7/e") != place);
  CHECK(place_of("host=h port=7 user=d") == place);  // a user's own
  // What the address leaves out comes from the environment.
  setenv("PGHOST", "h", 1);
  CHECK(place_of("postgres://:7/d") == place);
  setenv("PGHOST", "elsewhere", 1);
  CHECK(place_of("postgres://:7/d") != place);
  unsetenv("PGHOST");
}

TEST_CASE("postgres: an address that cannot be read is a usage error without its password") {
  for (const std::string address :
       {"postgres://user:CANARY@[::1/x", "host=x password=CANARY nonsense",
        "postgres://u:CANARY@h/d?nosuch=option"}) {
    CAPTURE(address);
    try {
      complete_conninfo(address);
      FAIL("accepted");
    } catch (const UsageError& error) {
      CHECK_FALSE(contains(error.what(), "CANARY"));
      CHECK(contains(error.what(), "--db="));
    }
  }
}

TEST_CASE("postgres: a server that refuses says why in one line without the password") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  bench.db += "&password=CANARY&dbname=nosuch";
  const std::string error = bench.error_of_open();
  CHECK(contains(error, "nosuch"));
  CHECK_FALSE(contains(error, "CANARY"));
  CHECK_FALSE(contains(error, "\n"));
}

TEST_CASE("postgres: rows that a trigger drops are no success, whichever way they were sent") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  struct Case {
    InsertMethod method;
    std::size_t rows;
    WriteOutcome expected;  // what is one statement is committed when its answer comes
  };
  // 17,000 rows need two statements of multi.
  for (const Case& one : {Case{InsertMethod::kCopy, 5, WriteOutcome::kInDoubt},
                          Case{InsertMethod::kUnnest, 5, WriteOutcome::kInDoubt},
                          Case{InsertMethod::kMulti, 5, WriteOutcome::kInDoubt},
                          Case{InsertMethod::kMulti, 17'000, WriteOutcome::kNotWritten},
                          Case{InsertMethod::kSingle, 5, WriteOutcome::kNotWritten},
                          Case{InsertMethod::kSingle, 1, WriteOutcome::kInDoubt}}) {
    CAPTURE(to_name(one.method));
    CAPTURE(one.rows);
    // Each of these rows is dropped.
    for (const std::string dropped : {"true", "NEW.sequence = 0"}) {
      CAPTURE(dropped);
      bench.begin_anew();
      const auto target = bench.target(one.method);
      target->open();
      sql(bench.db, "CREATE FUNCTION f" + bench.table +
                        "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$");
      sql(bench.db, "CREATE TRIGGER dropping BEFORE INSERT ON " + bench.table +
                        " FOR EACH ROW WHEN (" + dropped + ") EXECUTE FUNCTION f" + bench.table +
                        "()");
      const auto frame = some_messages(one.rows);
      const WriteResult result = target->connect({bench.run, {}}, {})->write({frame});
      CHECK(result.outcome == one.expected);
      CHECK(result.error.code == "row_count");
      CHECK(result.error.error_class == ErrorClass::kFatal);
      CHECK(contains(result.error.message, " of "));
      if (one.expected == WriteOutcome::kNotWritten) {
        CHECK(sql(bench.db, "SELECT count(*) FROM " + bench.table) == SqlRows{{"0"}});
      }
    }
  }
}
