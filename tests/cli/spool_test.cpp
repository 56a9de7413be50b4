#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/app.h"
#include "cli/database.h"
#include "support/sql.h"

namespace loadgen {
namespace {

using namespace std::chrono_literals;

// What a run that is over left in its table: all of it once, with the texts it must have.
void check_verified(Database& database, const std::string& run_id) {
  const ProcessResult verified =
      run_app({"verify", "--db=" + database.address(), "--run=" + run_id});
  CHECK_MESSAGE(verified.exit_code == 0, verified.out);
}

// A run killed in the middle, and one that resumes it.
void survives_a_kill(Database& database, const std::string& on_full) {
  const TempDir directory;
  const std::string spool = "--spool=" + directory.file("spool");
  const Arguments common{"--db=" + database.address(), spool, on_full, "--queue-capacity=300"};
  Arguments first = common;
  first.insert(first.end(), {"--rps=20k", "--duration=30"});
  AppRun killed(first);
  REQUIRE(killed.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows("messages", 500));
  database.lock("messages");  // so that something is left
  std::this_thread::sleep_for(200ms);
  killed.process().send(SIGKILL);
  (void)killed.finish();
  database.unlock();
  const std::string run_id = database.value("SELECT run_id FROM loadgen_runs");
  const auto before = database.number("SELECT count(*) FROM messages");

  Arguments second = common;
  second.insert(second.end(), {"--rps=max", "--count=100", "--verify=full"});
  const Finished resumed = AppRun(second).finish();
  CHECK(resumed.process.exit_code == 0);
  check_all_stored(resumed, 100);
  const Json& earlier = resumed.json.at("resumed");
  REQUIRE(earlier.size() == 1);
  CHECK(earlier[0].at("run_id") == run_id);
  CHECK(earlier[0].at("stored").get<int>() > 0);
  CHECK(earlier[0].at("audit").at("passed") == true);
  CHECK(earlier[0].at("audit").at("mode") == "full");
  const std::string of_run = " FROM messages WHERE run_id = " + run_id;
  const auto rows = database.number("SELECT count(*)" + of_run);
  // A session of the killed process may have committed since.
  CHECK(rows >= before + earlier[0].at("stored").get<int>());
  CHECK(rows == database.number("SELECT count(DISTINCT sequence)" + of_run));
  check_verified(database, run_id);
  CHECK(contains(resumed.process.err, "Resuming run " + run_id));
  CHECK(contains(resumed.process.out, "Resumed   run " + run_id));

  const Finished third = AppRun(second).finish();
  CHECK(third.process.exit_code == 0);
  CHECK(third.json.at("resumed").empty());
}

// Locked to the end: what is not stored is kept, and a later run stores it under the first one's
// id.
void keeps_what_a_locked_database_left(Database& database, const std::string& on_full) {
  const TempDir directory;
  const std::string spool = "--spool=" + directory.file("spool");
  AppRun run({"--db=" + database.address(), spool, on_full, "--queue-capacity=50", "--rps=1000",
              "--duration=30", "--drain-timeout=0"});
  REQUIRE(run.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows("messages", 100));
  database.lock("messages");
  std::this_thread::sleep_for(300ms);
  run.process().send(SIGTERM);
  const Finished first = run.finish();
  database.unlock();
  const Json& counts = first.json.at("counts");
  CHECK(counts.at("spooled").get<int>() > 0);
  CHECK(counts.at("unsent") == 0);
  CHECK(counts.at("in_doubt") == 0);
  check_accounts(first);
  CHECK(contains(first.process.out, "Spooled   "));

  const Finished second =
      AppRun({"--db=" + database.address(), spool, "--rps=max", "--count=10"}).finish();
  CHECK(second.process.exit_code == 0);
  const Json& earlier = second.json.at("resumed");
  REQUIRE(earlier.size() == 1);
  CHECK(earlier[0].at("stored").get<int>() + earlier[0].at("already_present").get<int>() ==
        counts.at("spooled").get<int>());
  CHECK(database.number("SELECT count(*) FROM messages") == counts.at("produced").get<int>() + 10);
  check_verified(database, first.json.at("run_id").get<std::string>());
}

}  // namespace

TEST_CASE("spool: killed in the middle, resumed, every message is in SQLite once") {
  for (const char* on_full : {"--on-full=block", "--on-full=spill"}) {
    CAPTURE(on_full);
    SqliteDatabase database;
    survives_a_kill(database, on_full);
  }
}

TEST_CASE("spool: killed in the middle, resumed, every message is in Postgres once") {
  for (const char* on_full : {"--on-full=block", "--on-full=spill"}) {
    CAPTURE(on_full);
    const auto database = postgres_database();
    if (database == nullptr) return;
    survives_a_kill(*database, on_full);
  }
}

TEST_CASE("spool: what could not be written in time is kept for a later run") {
  for (const char* on_full : {"--on-full=block", "--on-full=spill"}) {
    CAPTURE(on_full);
    SqliteDatabase sqlite;
    keeps_what_a_locked_database_left(sqlite, on_full);
    if (const auto postgres = postgres_database()) {
      keeps_what_a_locked_database_left(*postgres, on_full);
    }
  }
}

TEST_CASE("spool: a run that stores everything leaves it empty, whatever the policy") {
  for (const char* policy : {"block", "drop-new", "drop-old", "abort", "spill"}) {
    CAPTURE(policy);
    SqliteDatabase database;
    const TempDir directory;
    const Finished run =
        AppRun({"--db=" + database.address(), "--spool=" + directory.file("spool"),
                std::string("--on-full=") + policy, "--rps=1000", "--count=500", "--verify=full"})
            .finish();
    CHECK(run.process.exit_code == 0);
    check_all_stored(run, 500);
    CHECK(run.json.at("config").at("spool") == directory.file("spool"));
    const std::string left = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM runs)";
    CHECK(sql("sqlite:" + directory.file("spool/spool.db"), left) == SqlRows{{"0"}});
  }
}

TEST_CASE("spool: it is refused to a second process, for another database, and as something else") {
  SqliteDatabase database;
  const TempDir directory;
  const std::string spool = "--spool=" + directory.file("spool");
  AppRun first({"--db=" + database.address(), spool, "--rps=1000", "--duration=30"});
  REQUIRE(first.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows("messages", 10));
  CHECK(contains(check_refused(run_app({"--db=null:", spool}), 2), "is in use by another process"));
  first.process().send(SIGKILL);
  (void)first.finish();
  CHECK(contains(check_refused(run_app({"--db=null:", spool}), 2), "and not for null:"));
  const TempDir other;
  CHECK(contains(check_refused(run_app({"--db=sqlite:" + other.file("x.db"), spool}), 2),
                 "holds messages of run"));
  CHECK(is_empty_directory(other));
  CHECK(contains(check_refused(run_app({"--db=null:", "--spool=/dev/null"}), 2),
                 "--spool=/dev/null: cannot be used"));
  CHECK(contains(check_refused(run_app({"--db=null:", "--on-full=spill"}), 2),
                 "--on-full=spill: needs --spool=DIR"));
}

TEST_CASE("spool: one whose run wrote to another schema is refused, and keeps its messages") {
  const auto database = postgres_database();
  if (!database) return;
  const TempDir directory;
  const std::string spool = "--spool=" + directory.file("spool");
  const auto in = [&](const std::string& schema) {
    return "--db=" + database->address() + " options=-csearch_path=" + schema;
  };
  database->execute("CREATE SCHEMA one");
  database->execute("CREATE SCHEMA two");
  REQUIRE(run_app({in("one"), "--count=1", "--rps=max", "--quiet"}).exit_code == 0);
  AppRun first(
      {in("one"), spool, "--rps=1000", "--duration=30", "--drain-timeout=0", "--verify=off"});
  REQUIRE(database->await_rows("one.messages", 10));
  database->lock("one.messages");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  first.process().send(SIGTERM);
  (void)first.finish();
  database->unlock();
  CHECK(contains(check_refused(run_app({in("two"), spool, "--count=1"}), 2),
                 "loadgen_runs in this database and schema has no such run"));
  CHECK(run_app({in("one"), spool, "--count=1", "--quiet"}).exit_code == 0);
  CHECK(database->number("SELECT count(DISTINCT run_id) FROM one.messages") == 3);
  CHECK(database->number("SELECT count(*) FROM one.messages") ==
        database->number("SELECT max(sequence) + 3 FROM one.messages"));
}

namespace {

// A run that ends while its database is locked: some messages are stored, others are in `file`.
Finished leave_unsent(Database& database, const std::string& file,
                      const std::string& table = "messages") {
  AppRun run({"--db=" + database.address(), "--unsent=" + file, "--table=" + table, "--rps=1000",
              "--duration=30", "--drain-timeout=0", "--queue-capacity=50"});
  REQUIRE(run.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows(table, 100));
  database.lock(table);
  std::this_thread::sleep_for(300ms);
  run.process().send(SIGTERM);
  Finished finished = run.finish();
  database.unlock();
  return finished;
}

}  // namespace

TEST_CASE("unsent: what could not be written in time is kept, and replayed once") {
  SqliteDatabase database;
  const TempDir directory;
  const std::string file = directory.file("unsent.jsonl");
  const Finished first = leave_unsent(database, file);
  CHECK(first.process.exit_code == 3);
  check_accounts(first);
  const int unsent = first.json.at("counts").at("unsent").get<int>();
  CHECK(unsent > 0);
  CHECK(contains(first.process.out, "app replay sends what is there"));
  const std::string told = "Replayed: " + std::to_string(unsent) + " | Already present: 0";
  const ProcessResult replayed = run_app({"replay", file, "--db=" + database.address()});
  CHECK(replayed.exit_code == 0);
  CHECK_MESSAGE(contains(replayed.out, told), replayed.out);
  CHECK(!contains(replayed.err, "is not recorded"));
  CHECK(database.number("SELECT count(*) FROM messages") ==
        first.json.at("counts").at("produced").get<int>());
  const ProcessResult again = run_app({"replay", file, "--db=" + database.address()});
  CHECK(contains(again.out, "Replayed: 0 | Already present: " + std::to_string(unsent)));
  check_verified(database, first.json.at("run_id").get<std::string>());
  // In another table the ledger would take them for stored, and they are not.
  CHECK(contains(
      check_refused(run_app({"replay", file, "--db=" + database.address(), "--table=other"}), 2),
      "wrote to messages"));
  const ProcessResult elsewhere =
      run_app({"replay", file, "--db=sqlite:" + directory.file("other.db")});
  CHECK(contains(elsewhere.err, "Run " + first.json.at("run_id").get<std::string>() +
                                    " is not recorded in this database"));
  CHECK(contains(elsewhere.out, told));
}

TEST_CASE("replay: messages go into the table their run wrote to, and no other is made") {
  SqliteDatabase database;
  const TempDir directory;
  const std::string file = directory.file("unsent.jsonl");
  const Finished first = leave_unsent(database, file, "mine");
  const ProcessResult replayed = run_app({"replay", file, "--db=" + database.address()});
  CHECK(replayed.exit_code == 0);
  CHECK(database.number("SELECT count(*) FROM mine") ==
        first.json.at("counts").at("produced").get<int>());
  CHECK(database.number("SELECT count(*) FROM sqlite_master WHERE name = 'messages'") == 0);
}

TEST_CASE("replay: lines that are no letters are named, and a file without any is refused") {
  SqliteDatabase database;
  const TempDir directory;
  const std::string file = directory.file("unsent.jsonl");
  leave_unsent(database, file);
  std::ofstream(file, std::ios::app) << "{\"torn";
  const ProcessResult replayed = run_app({"replay", file, "--db=" + database.address()});
  CHECK(replayed.exit_code == 0);
  CHECK(contains(replayed.out, "Skipped lines: 1"));
  CHECK(contains(replayed.err, ": skipped: torn"));
  const std::string other = directory.file("other");
  std::ofstream(other) << "{}\n[1]\n";
  CHECK(contains(run_app({"replay", other, "--db=" + database.address()}).err,
                 "other: holds no letters that could be sent"));
}

TEST_CASE("replay: where it may not be asked which table is meant, nothing is sent") {
  const auto database = postgres_database();
  if (!database) return;
  const TempDir directory;
  const std::string file = directory.file("unsent.jsonl");
  leave_unsent(*database, file, "mine");
  const std::string role = database->create_role("");
  create_tables(*database, "postgres.sql", "messages");
  database->execute("GRANT SELECT, INSERT ON messages, loadgen_ledger TO " + role);
  database->execute("GRANT INSERT ON loadgen_runs TO " + role);
  const ProcessResult replayed =
      run_app({"replay", file, "--db=" + database->address_as(role, "")});
  CHECK(contains(check_refused(replayed, 1), "permission denied"));
  CHECK(database->number("SELECT count(*) FROM messages") == 0);
}

TEST_CASE("replay: what the database refuses again and again is told, and once") {
  const auto database = postgres_database();
  if (!database) return;
  const TempDir directory;
  const std::string file = directory.file("unsent.jsonl");
  leave_unsent(*database, file);
  database->execute(
      "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '40001'; END $$");
  database->execute("CREATE TRIGGER fail BEFORE INSERT ON messages EXECUTE FUNCTION fail()");
  const ProcessResult replayed =
      run_app({"replay", file, "--db=" + database->address(), "--retries=2"});
  CHECK(replayed.exit_code == 1);
  const std::size_t told = replayed.err.find("A write failed: not now (40001, contention)");
  CHECK(told != std::string::npos);
  CHECK(replayed.err.find("A write failed", told + 1) == std::string::npos);
}

TEST_CASE("unsent: a run that stores everything makes no file") {
  const TempDir directory;
  const ProcessResult run =
      run_app({"--db=null:", "--count=10", "--unsent=unsent.jsonl"}, directory.path().string());
  CHECK(run.exit_code == 0);
  CHECK(is_empty_directory(directory));
}

TEST_CASE("spool: resuming into a locked table ends with the drain timeout, or by a signal") {
  const auto database = postgres_database();
  if (database == nullptr) return;
  create_tables(*database, "postgres.sql", "messages");
  const TempDir directory;
  const Arguments common{"--db=" + database->address(), "--spool=" + directory.file("spool"),
                         "--rps=max", "--count=50", "--timeout=1"};
  const auto with = [&](const std::string& more) {
    Arguments arguments = common;
    arguments.push_back(more);
    return arguments;
  };
  database->lock("messages");
  const Finished first = AppRun(with("--drain-timeout=0")).finish();
  REQUIRE(first.json.at("counts").at("spooled") == 50);

  const Finished timed_out = AppRun(with("--drain-timeout=2")).finish();
  CHECK(timed_out.process.exit_code == 1);
  CHECK(contains(timed_out.process.err, "--drain-timeout"));
  CHECK(timed_out.json.at("failure").is_object());
  CHECK(timed_out.json.at("counts").at("produced") == 0);

  AppRun signalled(common);
  REQUIRE(signalled.process().await_err("Resuming run"));
  signalled.process().send(SIGTERM);
  const Finished ended = signalled.finish();
  CHECK(ended.process.exit_code == 143);
  CHECK(ended.json.at("interrupted") == true);
  CHECK(ended.json.at("exit_code") == 143);

  database->unlock();
  const Finished resumed = AppRun(common).finish();
  CHECK(resumed.process.exit_code == 0);
  CHECK(resumed.json.at("resumed").size() == 1);
  CHECK(database->number("SELECT count(*) FROM messages") == 100);
}

}  // namespace loadgen
