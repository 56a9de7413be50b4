#include <doctest/doctest.h>

#include <csignal>

#include "cli/app.h"
#include "cli/database.h"
#include "support/process.h"

namespace loadgen {
namespace {

ProcessResult verify(const Database& database, const Arguments& more = {}) {
  Arguments arguments{"verify", "--db=" + database.address()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_app(arguments);
}

void says_when_the_ledger_is_gone(Database& database) {
  const std::string db = "--db=" + database.address();
  // A frame has the number of its first message, which need not be 0.
  for (const std::string& missing :
       {std::string("true"), std::string("frame = (SELECT min(frame) FROM loadgen_ledger)")}) {
    CAPTURE(missing);
    REQUIRE(run_app({db, "--rps=max", "--count=1000", "--quiet"}).exit_code == 0);
    CHECK(verify(database).exit_code == 0);
    database.execute("DELETE FROM loadgen_ledger WHERE " + missing);
    const ProcessResult result = verify(database);
    CHECK(result.exit_code == 1);
    CHECK(contains(result.out, "Audit     cannot judge"));
    CHECK(contains(result.out, "the run stored 1,000 rows, and loadgen_ledger accounts for"));
    // What is certain is said all the same.
    database.execute(
        "INSERT INTO messages (message, created_at, run_id, sequence, producer) "
        "SELECT message, created_at, run_id, sequence, producer FROM messages WHERE sequence = 7");
    CHECK(verify(database).exit_code == 4);
    database.execute("DELETE FROM messages");
  }
}

}  // namespace

TEST_CASE("verify on SQLite: a run whose rows in the ledger were deleted is not judged") {
  SqliteDatabase database;
  says_when_the_ledger_is_gone(database);
}

TEST_CASE("verify on Postgres: a run whose rows in the ledger were deleted is not judged") {
  const auto database = postgres_database();
  if (database) says_when_the_ledger_is_gone(*database);
}

TEST_CASE(
    "verify and replay: --json writes what was found, and replaces what an earlier one wrote") {
  SqliteDatabase database;
  const TempDir directory;
  const std::string db = "--db=" + database.address();
  const std::string json = "--json=" + directory.file("result.json");
  const auto result = [&] { return Json::parse(read_file(directory.file("result.json"))); };
  REQUIRE(run_app({db, "--rps=max", "--count=100", "--quiet"}).exit_code == 0);
  CHECK(contains(verify(database, {json}).out, "Audit     passed"));
  CHECK(result().at("run_id") == database.value("SELECT run_id FROM loadgen_runs"));
  CHECK(result().at("audit").at("passed") == true);
  CHECK(result().at("ledger").at("rows") == 100);
  CHECK(result().at("exit_code") == 0);
  CHECK(Json::parse(verify(database, {"--json=-"}).out) == result());

  CHECK(verify(database, {json, "--run=1"}).exit_code == 1);
  CHECK(result().at("exit_code") == 1);
  CHECK(contains(result().at("failure").at("message").get<std::string>(), "there is no run 1"));
  CHECK(run_app({"replay", directory.file("none"), db, json}).exit_code == 2);
  CHECK(result().at("exit_code") == 2);
  // Nothing is written over what is read.
  CHECK(run_app({"verify", db, "--json=" + database.path()}).exit_code == 2);
  CHECK(verify(database).exit_code == 0);
}

TEST_CASE("verify on Postgres: an audit that takes longer than a second says that it goes on") {
  const auto database = postgres_database();
  if (!database) return;
  const std::string db = "--db=" + database->address();
  REQUIRE(run_app({db, "--rps=max", "--count=100", "--quiet"}).exit_code == 0);
  CHECK(!contains(verify(*database).err, "Auditing"));
  // A reader waits for it, as for a large table.
  database->execute("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE");
  Process process(app_command({"verify", db}), app_variables());
  CHECK(process.await_err("Auditing the table: 0 rows read so far..."));
  database->unlock();
  CHECK(process.wait().exit_code == 0);
}

TEST_CASE(
    "replay: a run whose rows in the ledger were deleted is refused, for all might come twice") {
  SqliteDatabase database;
  const TempDir directory;
  const std::string db = "--db=" + database.address();
  REQUIRE(run_app({db, "--rps=max", "--count=1", "--quiet"}).exit_code == 0);
  database.execute(
      "CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN NEW.sequence = 7 "
      "BEGIN SELECT RAISE(ABORT, 'no'); END");
  REQUIRE(run_app({db, "--rps=max", "--count=100", "--quiet"}, directory.path()).exit_code == 3);
  database.execute("DROP TRIGGER refuse");
  const Arguments replay{"replay", "dead-letter.jsonl", db};
  CHECK(contains(run_app(replay, directory.path()).out, "Replayed: 1"));
  CHECK(contains(run_app(replay, directory.path()).out, "Already present: 1"));
  // Rows of one frame, and all of them.
  for (const char* const some : {"frame = 7 AND rows = 1", "true"}) {
    database.execute(std::string("DELETE FROM loadgen_ledger WHERE ") + some);
    CHECK(contains(run_app(replay, directory.path()).out, "Already present: 1"));
    CHECK(database.number("SELECT count(*) FROM messages WHERE sequence = 7") == 1);
  }
}

TEST_CASE("verify: where a trigger may have moved rows, the whole table is searched") {
  SqliteDatabase database;
  for (int run = 0; run < 2; ++run) {
    REQUIRE(
        run_app({"--db=" + database.address(), "--rps=max", "--count=100", "--quiet"}).exit_code ==
        0);
  }
  database.execute(
      "INSERT INTO messages (id, message, created_at, run_id, sequence, producer) "
      "SELECT -5, message, created_at, run_id, sequence, producer FROM messages "
      "ORDER BY id DESC LIMIT 1");
  database.execute("CREATE TRIGGER copy AFTER INSERT ON messages BEGIN SELECT 1; END");
  const ProcessResult result = verify(database);
  CHECK(result.exit_code == 4);
  CHECK(contains(result.out, "1 duplicated"));
}

TEST_CASE("verify: a run without a ledger needs none") {
  SqliteDatabase database;
  REQUIRE(run_app({"--db=" + database.address(), "--rps=max", "--count=100", "--quiet",
                   "--delivery=at-least-once"})
              .exit_code == 0);
  CHECK(verify(database).exit_code == 0);
}

TEST_CASE("verify: of a run that goes on it is said that it has no end") {
  SqliteDatabase database;
  // After its first message it waits for a quarter of an hour.
  AppRun run({"--db=" + database.address(), "--rps=0.001", "--duration=0"});
  REQUIRE(run.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows("messages", 1));
  const ProcessResult result = verify(database);
  CHECK(contains(result.out, "It has no recorded end: it is still going on, was killed"));
  run.process().send(SIGTERM);
  CHECK(run.finish().process.exit_code == 0);
  CHECK_FALSE(contains(verify(database).out, "no recorded end"));
}

}  // namespace loadgen
