#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "cli/app.h"
#include "cli/database.h"

namespace loadgen {
namespace {

using std::chrono::milliseconds;

// A database that takes about half a millisecond for each row, and longer on a busy machine.
void make_slow(SqliteDatabase& database) {
  create_tables(database, "sqlite.sql", "messages");
  database.execute(
      "CREATE TRIGGER slow AFTER INSERT ON messages BEGIN "
      "SELECT (WITH RECURSIVE c(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM c WHERE n < 2000) "
      "SELECT max(n) FROM c); END");
}

// Few messages on the way at any time, so that a slow database is felt at once.
Arguments narrow(const Database& database, const Arguments& more) {
  Arguments arguments{"--db=" + database.address(), "--queue-capacity=5", "--batch-size=10",
                      "--verify=full"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

double seconds(const Json& summary, const char* name) {
  return summary.at(name).get<double>() / 1e6;
}

void lock_for(Database& database, milliseconds time) {
  database.lock("messages");
  std::this_thread::sleep_for(time);
  database.unlock();
}

// The target stands still for two seconds in mid-run: nothing is lost, and the wait is told.
void survives_a_stall(Database& database) {
  AppRun run({"--db=" + database.address(), "--rps=500", "--duration=4"});
  REQUIRE(run.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows("messages", 200));
  lock_for(database, milliseconds(2000));
  const Finished finished = run.finish();
  check_all_stored(finished, 2000);
  check_stored_rows(database, finished.json);
  const Json& latency = finished.json.at("latency_us");
  CHECK(seconds(latency.at("response"), "max") >= 1.9);
  // The database's fault, and shown as such: not the generator's.
  CHECK(seconds(latency.at("write"), "max") + seconds(latency.at("queue_wait"), "max") >= 1.9);
  CHECK(seconds(latency.at("write"), "mean") + seconds(latency.at("queue_wait"), "mean") >
        2 * seconds(latency.at("schedule_lag"), "mean"));
}

// The target stands still for good.
void gives_up_after_the_drain_timeout(Database& database) {
  AppRun run({"--db=" + database.address(), "--rps=500", "--duration=1", "--drain-timeout=1"});
  REQUIRE(run.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows("messages", 50));
  database.lock("messages");
  const Finished finished = run.finish();
  database.unlock();
  CHECK(finished.process.exit_code == 3);
  CHECK(finished.process.elapsed.count() < 11);  // half of it, were the machine ours
  check_accounts(finished);
  check_stored_rows(database, finished.json);
  const Json& counts = finished.json.at("counts");
  CHECK(counts.at("scheduled") == 500);
  CHECK(counts.at("produced") == 500);
  CHECK(counts.at("stored") >= 50);
  CHECK(counts.at("unsent") >= 1);
  CHECK(finished.json.at("audit").at("passed") == true);
  CHECK(finished.json.at("interrupted") == false);
  const Json& rate = finished.json.at("rate");
  CHECK(rate.at("sustained") == false);
  // It was at it for at least the second it produced for.
  CHECK(rate.at("stored_per_s").get<double>() <= counts.at("stored").get<double>() * 1.1);
}

}  // namespace

TEST_CASE("overload on SQLite: a lock of two seconds makes messages late, never fewer") {
  SqliteDatabase database;
  survives_a_stall(database);
}

TEST_CASE("overload on Postgres: a lock of two seconds makes messages late, never fewer") {
  const auto database = postgres_database();
  if (database) survives_a_stall(*database);
}

TEST_CASE("overload on SQLite: a lock for ever ends the run soon after the drain timeout") {
  SqliteDatabase database;
  gives_up_after_the_drain_timeout(database);
}

TEST_CASE("overload on Postgres: a lock for ever ends the run soon after the drain timeout") {
  const auto database = postgres_database();
  if (database) gives_up_after_the_drain_timeout(*database);
}

TEST_CASE("overload on Postgres: locked against readers too, the run still ends") {
  const auto database = postgres_database();
  if (!database) return;
  AppRun run({"--db=" + database->address(), "--rps=500", "--duration=1", "--drain-timeout=1"});
  REQUIRE(run.process().await_err("Starting producers..."));
  REQUIRE(database->await_rows("messages", 50));
  database->execute("BEGIN");
  database->execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE");
  const Finished finished = run.finish();
  database->unlock();
  // It cannot look at the table, says so and comes to an end.
  CHECK(finished.process.exit_code == 1);
  CHECK(contains(finished.process.err, "could not be checked"));
  CHECK(finished.process.elapsed.count() < 11);
  check_accounts(finished);
  check_stored_rows(*database, finished.json);
}

TEST_CASE("overload: --on-full=block holds producers back and loses nothing") {
  SqliteDatabase database;
  make_slow(database);
  const Finished run =
      AppRun(narrow(database, {"--on-full=block", "--rps=max", "--count=500"})).finish();
  check_all_stored(run, 500);
  check_stored_rows(database, run.json);
  const Json& queue = run.json.at("queue");
  CHECK(queue.at("capacity") == 5);
  CHECK(queue.at("depth_max") <= 5);
  CHECK(queue.at("blocked_s") > 0);
}

TEST_CASE("overload: --on-full=drop-new keeps the oldest and counts the rest as dropped") {
  SqliteDatabase database;
  make_slow(database);
  const Finished run =
      AppRun(narrow(database, {"--on-full=drop-new", "--rps=max", "--count=20k", "--producers=1"}))
          .finish();
  CHECK(run.process.exit_code == 3);
  check_accounts(run);
  check_stored_rows(database, run.json);
  const Json& counts = run.json.at("counts");
  CHECK(counts.at("produced") == 20'000);
  CHECK(counts.at("dropped") >= 1);
  CHECK(counts.at("stored").get<int>() + counts.at("dropped").get<int>() == 20'000);
  CHECK(run.json.at("audit").at("passed") == true);
  CHECK(database.number("SELECT min(sequence) FROM messages") == 0);
}

TEST_CASE("overload: --on-full=drop-old keeps the newest and counts the rest as dropped") {
  SqliteDatabase database;
  make_slow(database);
  const Finished run =
      AppRun(narrow(database, {"--on-full=drop-old", "--rps=max", "--count=20k", "--producers=1"}))
          .finish();
  CHECK(run.process.exit_code == 3);
  check_accounts(run);
  check_stored_rows(database, run.json);
  const Json& counts = run.json.at("counts");
  CHECK(counts.at("produced") == 20'000);
  CHECK(counts.at("dropped") >= 1);
  CHECK(counts.at("stored").get<int>() + counts.at("dropped").get<int>() == 20'000);
  CHECK(run.json.at("audit").at("passed") == true);
  CHECK(database.number("SELECT max(sequence) FROM messages") == 19'999);
}

TEST_CASE("overload: --on-full=abort ends the run with what was stored until then") {
  SqliteDatabase database;
  make_slow(database);
  const Finished run =
      AppRun(narrow(database, {"--on-full=abort", "--rps=max", "--count=20k"})).finish();
  CHECK(run.process.exit_code == 1);
  check_accounts(run);
  check_stored_rows(database, run.json);
  CHECK(run.json.at("counts").at("stored") < 20'000);
  CHECK(run.json.at("audit").at("passed") == true);
  CHECK(contains(run.json.at("verdict").get<std::string>(), "full"));
  CHECK(contains(run.process.err, "full"));
}

TEST_CASE("overload: --burst bounds how many overdue messages wait, and counts the others") {
  SqliteDatabase database;
  make_slow(database);
  const Finished run =
      AppRun(narrow(database, {"--rps=10k", "--duration=1", "--burst=10"})).finish();
  CHECK(run.process.exit_code == 0);  // skipped is not lost: it was never made
  check_accounts(run);
  check_stored_rows(database, run.json);
  const Json& counts = run.json.at("counts");
  CHECK(counts.at("scheduled") == 10'000);
  CHECK(counts.at("skipped") >= 1);
  CHECK(counts.at("stored") == counts.at("produced"));
  CHECK(run.json.at("rate").at("sustained") == false);
  CHECK(run.json.at("audit").at("passed") == true);
  CHECK(contains(run.json.at("verdict").get<std::string>(), "skipped"));
}

TEST_CASE("overload: --max-lag skips what is too late, and counts it") {
  SqliteDatabase database;
  make_slow(database);
  const Finished run =
      AppRun(narrow(database, {"--rps=10k", "--duration=1", "--max-lag=20ms", "--producers=2"}))
          .finish();
  check_accounts(run);
  check_stored_rows(database, run.json);
  const Json& counts = run.json.at("counts");
  CHECK(counts.at("scheduled") == 10'000);
  CHECK(counts.at("skipped") >= 1);
  // The few that wait in the channel grow too late there, mostly.
  const auto dropped = counts.at("dropped").get<int>();
  CHECK(counts.at("stored").get<int>() + dropped == counts.at("produced"));
  CHECK(run.process.exit_code == (dropped > 0 ? 3 : 0));
  CHECK(run.json.at("rate").at("sustained") == false);
}

TEST_CASE("overload: --max-lag drops what grew too old in the channel, whatever its kind") {
  for (const Arguments& kind :
       {Arguments{}, Arguments{"--spool=spool"}, Arguments{"--spool=spool", "--on-full=spill"}}) {
    SqliteDatabase database;
    make_slow(database);
    Arguments arguments{"--db=" + database.address(),
                        "--rps=10k",
                        "--duration=1",
                        "--max-lag=100ms",
                        "--verify=full",
                        "--consumers=2",
                        "--batch-size=10",
                        "--producers=2"};
    arguments.insert(arguments.end(), kind.begin(), kind.end());
    const Finished run = AppRun(arguments).finish();
    CHECK(run.process.exit_code == 3);
    check_accounts(run);
    check_stored_rows(database, run.json);
    const Json& counts = run.json.at("counts");
    CHECK(counts.at("dropped") >= 1000);
    CHECK(counts.at("stored") >= 1);
    CHECK(counts.at("stored").get<int>() + counts.at("dropped").get<int>() ==
          counts.at("produced"));
    CHECK(counts.at("spooled") == 0);
    CHECK(seconds(run.json.at("latency_us").at("queue_wait"), "max") < 0.11);
    CHECK(run.json.at("audit").at("passed") == true);
  }
}

TEST_CASE("overload: without a bound every late message is sent, and shows how late it was") {
  SqliteDatabase database;
  make_slow(database);
  const Finished run = AppRun(narrow(database, {"--rps=10k", "--count=1000"})).finish();
  check_all_stored(run, 1000);
  CHECK(run.json.at("rate").at("sustained") == false);
  // All were due within 0.1 s, and not half of them can be stored by then.
  CHECK(seconds(run.json.at("latency_us").at("response"), "max") > 0.1);
}

}  // namespace loadgen
