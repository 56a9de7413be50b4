#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "cli/app.h"
#include "cli/database.h"

namespace loadgen {
namespace {

using Moment = std::chrono::steady_clock::time_point;

// Before the same signal again: sooner it would be an echo.
constexpr std::chrono::milliseconds kAHandsPause{300};

double seconds_since(Moment begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void await_running(AppRun& run, Database& database) {
  REQUIRE(run.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows("messages", 100));
}

// One signal in mid-run: what was made by then is stored, and nothing else is.
void drains(Database& database, int signal, const std::string& duration, int exit_code) {
  AppRun run(
      {"--db=" + database.address(), "--rps=500", "--duration=" + duration, "--verify=full"});
  await_running(run, database);
  run.process().send(signal);
  const Finished finished = run.finish();
  CHECK(finished.process.exit_code == exit_code);
  check_accounts(finished);
  check_stored_rows(database, finished.json);
  const Json& counts = finished.json.at("counts");
  CHECK(counts.at("stored") >= 100);
  CHECK(counts.at("stored") < 15'000);
  CHECK(counts.at("stored") == counts.at("produced"));
  CHECK(counts.at("stored") == counts.at("scheduled"));
  CHECK(database.number("SELECT count(*) FROM messages") == counts.at("stored").get<int>());
  CHECK(finished.json.at("audit").at("passed") == true);
  CHECK(finished.json.at("interrupted") == true);
  CHECK(contains(finished.process.err, "All producers finished, closing channel..."));
}

// Two signals while the target stands still: a partial report. Returns how many seconds it took.
double aborts(Database& database) {
  AppRun run({"--db=" + database.address(), "--rps=500", "--duration=30"});
  await_running(run, database);
  database.lock("messages");
  run.process().send(SIGINT);
  REQUIRE(run.process().await_err("SIGINT"));
  std::this_thread::sleep_for(kAHandsPause);
  const Moment second = std::chrono::steady_clock::now();
  run.process().send(SIGINT);
  const Finished finished = run.finish();
  const double took_s = seconds_since(second);
  database.unlock();
  CHECK(finished.process.exit_code != 0);
  check_accounts(finished);
  check_stored_rows(database, finished.json);
  const Json& counts = finished.json.at("counts");
  CHECK(counts.at("stored") >= 100);
  CHECK(finished.json.at("audit").at("passed") != false);
  CHECK(finished.json.at("interrupted") == true);
  return took_s;
}

// The same when all that is left to do is to look at the table and to record the result.
double aborts_the_end(Database& database) {
  AppRun run({"--db=" + database.address(), "--rps=500", "--duration=30", "--drain-timeout=0"});
  await_running(run, database);
  database.execute("BEGIN");
  // Without a single row: it is the lock that counts.
  database.execute(database.address().starts_with("sqlite:")
                       ? "DELETE FROM loadgen_runs WHERE false"
                       : "LOCK TABLE messages, loadgen_runs IN ACCESS EXCLUSIVE MODE");
  run.process().send(SIGINT);
  REQUIRE(run.process().await_err("closing channel"));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // it has gone on from there
  const Moment second = std::chrono::steady_clock::now();
  run.process().send(SIGINT);
  const Finished finished = run.finish();
  const double took_s = seconds_since(second);
  database.unlock();
  check_accounts(finished);
  check_stored_rows(database, finished.json);
  return took_s;
}

// The database stays locked until the run is over. A second signal ends it within two seconds on an
// idle machine; all else that would end it takes ten seconds or more.
void check_ends_soon(double (*abort)(Database&),
                     const std::function<std::unique_ptr<Database>()>& make_database) {
  const auto database = make_database();
  if (database) CHECK(abort(*database) < 8);
}

}  // namespace

TEST_CASE("signals on SQLite: SIGINT drains, audits and reports, and the exit code is 130") {
  SqliteDatabase database;
  drains(database, SIGINT, "30", 130);
}

TEST_CASE("signals on SQLite: SIGTERM drains, audits and reports, and the exit code is 143") {
  SqliteDatabase database;
  drains(database, SIGTERM, "30", 143);
}

TEST_CASE("signals on Postgres: SIGINT drains, audits and reports, and the exit code is 130") {
  const auto database = postgres_database();
  if (database) drains(*database, SIGINT, "30", 130);
}

TEST_CASE("signals: without a duration a signal is the normal end, and the exit code is 0") {
  SqliteDatabase database;
  drains(database, SIGINT, "0", 0);
  SqliteDatabase other;
  drains(other, SIGTERM, "0", 0);
}

TEST_CASE("signals: as fast as possible, SIGINT loses nothing that was made") {
  SqliteDatabase database;
  AppRun run({"--db=" + database.address(), "--rps=max", "--duration=30"});
  await_running(run, database);
  run.process().send(SIGINT);
  const Finished finished = run.finish();
  CHECK(finished.process.exit_code == 130);
  check_accounts(finished);
  check_stored_rows(database, finished.json);
  CHECK(finished.json.at("counts").at("stored") == finished.json.at("counts").at("produced"));
  CHECK(finished.json.at("audit").at("passed") == true);
}

TEST_CASE("signals on SQLite: a second one while the database is locked ends it within 2 s") {
  check_ends_soon(aborts, [] { return std::make_unique<SqliteDatabase>(); });
}

TEST_CASE("signals on Postgres: a second one while the database is locked ends it within 2 s") {
  check_ends_soon(aborts, postgres_database);
}

TEST_CASE("signals on SQLite: a second one ends the audit and the record of the result, too") {
  check_ends_soon(aborts_the_end, [] { return std::make_unique<SqliteDatabase>(); });
}

TEST_CASE("signals on Postgres: a second one ends the audit and the record of the result, too") {
  check_ends_soon(aborts_the_end, postgres_database);
}

TEST_CASE("signals: one that is sent to the group and to the process, as by timeout, is one") {
  SqliteDatabase database;
  const ProcessResult result =
      run_app_in_shell("timeout 1 \"$@\"", {"--db=" + database.address(), "--duration=30"},
                       database.directory().path());
  CHECK(result.exit_code == 124);  // of timeout
  CHECK(contains(result.err, "SIGTERM: stopping producers and draining"));
  CHECK(!contains(result.err, "SIGTERM again"));
  CHECK(contains(result.out, "Audit     passed"));

  // Certainly seen one after the other.
  SqliteDatabase other;
  AppRun run({"--db=" + other.address(), "--duration=30"});
  await_running(run, other);
  run.process().send(SIGTERM);
  REQUIRE(run.process().await_err("SIGTERM: "));
  run.process().send(SIGTERM);
  const Finished finished = run.finish();
  CHECK(finished.process.exit_code == 128 + SIGTERM);
  CHECK(!contains(finished.process.err, "SIGTERM again"));
  CHECK(finished.json.at("audit").at("passed") == true);
}

TEST_CASE("signals: the third one is heard while nobody reads stderr") {
  SqliteDatabase database;
  // The pipe is full from the start; what waits for its reader would wait for ever.
  const ProcessResult result = run_app_in_shell(
      "mkfifo pipe; exec 3<>pipe; head -c 65536 /dev/zero >&3; \"$@\" 2>pipe & app=$!; sleep 1; "
      "for i in 1 2 3; do kill -TERM $app; sleep 0.5; done; "
      "(sleep 10; kill -KILL $app 2>/dev/null) & wait $app",
      {"--db=" + database.address(), "--duration=30", "--quiet"}, database.directory().path());
  CHECK(result.exit_code == 128 + SIGTERM);
}

TEST_CASE("signals: the third one ends the program at once, without a report") {
  SqliteDatabase database;
  // Hundreds of threads to wind up: no other way out is this fast.
  AppRun run({"--db=" + database.address(), "--rps=500", "--duration=30", "--producers=500"});
  await_running(run, database);
  database.lock("messages");
  // All there when it looks; three kinds, for two of one kind would count as one.
  run.process().send(SIGSTOP);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) run.process().send(signal);
  const Moment third = std::chrono::steady_clock::now();
  run.process().send(SIGCONT);
  const Finished finished = run.finish();
  CHECK(seconds_since(third) < kSoon_s);
  CHECK(finished.process.exit_code == 128 + SIGTERM);
  CHECK(finished.process.out.empty());
  CHECK(!std::filesystem::exists(run.file("result.json")));
}

TEST_CASE("signals: producers that sleep for minutes stop at once") {
  AppRun run({"--db=null:", "--producers=1024", "--rps=0.1", "--duration=10m"});
  REQUIRE(run.process().await_err("Starting producers..."));
  // All of them asleep, as far as can be told from outside.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const Moment signal = std::chrono::steady_clock::now();
  run.process().send(SIGINT);
  const Finished finished = run.finish();
  CHECK(seconds_since(signal) < kSoon_s);  // the next message is due in nearly 10 s
  CHECK(finished.process.exit_code == 130);
  check_accounts(finished);
  CHECK(finished.json.at("counts").at("stored") == 1);
}

TEST_CASE("signals: before anything is produced one simply ends the program") {
  SqliteDatabase database;
  create_tables(database, "sqlite.sql", "messages");
  database.lock("messages");  // it waits for that
  AppRun run({"--db=" + database.address(), "--rps=max", "--count=10"});
  REQUIRE(run.process().await_err("Starting application..."));
  run.process().send(SIGINT);
  const Finished finished = run.finish();
  database.unlock();
  CHECK(finished.process.exit_code == 128 + SIGINT);
  CHECK(finished.process.out.empty());
  CHECK(database.number("SELECT count(*) FROM messages") == 0);
}

TEST_CASE("signals: a hang-up that is ignored, as under nohup, stays ignored") {
  SqliteDatabase database;
  AppRun run({"--db=" + database.address(), "--rps=500", "--duration=1"});
  await_running(run, database);
  run.process().send(SIGHUP);
  CHECK(run.finish().process.exit_code == 128 + SIGHUP);

  SqliteDatabase other;
  Process ignoring({"bash", "-c", "trap '' HUP; exec \"$@\"", "bash", LOADGEN_APP, "--rps=500",
                    "--db=" + other.address(), "--duration=1"},
                   app_variables());
  REQUIRE(ignoring.await_err("Starting producers..."));
  REQUIRE(other.await_rows("messages", 100));
  ignoring.send(SIGHUP);
  const ProcessResult result = ignoring.wait();
  CHECK(result.exit_code == 0);
  CHECK(result.out.starts_with("Produced: 500 | Consumed: 500\n"));
}

TEST_CASE("signals: a run that was killed leaves whole frames, and the next run is not disturbed") {
  SqliteDatabase database;
  const Arguments arguments{"--db=" + database.address(), "--rps=2000", "--duration=30"};
  AppRun killed(arguments);
  await_running(killed, database);
  killed.process().send(SIGKILL);
  CHECK(killed.process().wait().exit_code == 128 + SIGKILL);
  CHECK(!std::filesystem::exists(killed.file("result.json")));
  const std::int64_t rows = database.number("SELECT count(*) FROM messages");
  CHECK(rows >= 100);
  CHECK(database.number("SELECT count(DISTINCT sequence) FROM messages") == rows);

  const Finished next = AppRun({"--db=" + database.address(), "--rps=max", "--count=100"}).finish();
  check_all_stored(next, 100);
  check_stored_rows(database, next.json);
  CHECK(database.number("SELECT count(*) FROM messages") == rows + 100);
  CHECK(database.value("PRAGMA integrity_check") == "ok");
  CHECK(database.number("SELECT count(*) FROM loadgen_runs WHERE ended_at IS NULL") == 1);
}

}  // namespace loadgen
