#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "cli/app.h"
#include "cli/database.h"

namespace loadgen {
namespace {

struct Sabotage {
  std::string sql;                  // run in mid-run
  std::string table = "messages";   // where the rows are afterwards
  std::vector<std::string> causes;  // one of them is in the verdict
};

// A write fails in mid-run: the run ends, and its partial report is true.
void reports_a_failed_write(Database& database, const Sabotage& sabotage,
                            const std::string& method = "auto") {
  CAPTURE(sabotage.sql);
  const TempDir directory;
  AppRun run({"--db=" + database.address(), "--rps=1000", "--duration=300", "--verify=full",
              "--dead-letter=" + directory.file("dead.jsonl"), "--insert=" + method});
  REQUIRE(run.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows("messages", 100));
  database.rows(sabotage.sql);
  const Finished finished = run.finish();
  CHECK(finished.process.exit_code == 1);
  CHECK(finished.process.elapsed.count() < 250);  // ended by it, not by its schedule
  check_accounts(finished);
  if (!sabotage.table.empty()) check_stored_rows(database, finished.json, sabotage.table);

  const Json& json = finished.json;
  CHECK(json.at("counts").at("stored") >= 100);
  CHECK(json.at("counts").at("stored") < 30'000);
  CHECK(json.at("interrupted") == false);
  REQUIRE(!json.at("errors").empty());
  for (const Json& error : json.at("errors")) {
    CHECK(!error.at("code").get<std::string>().empty());
    CHECK(!error.at("class").get<std::string>().empty());
    CHECK(!error.at("message").get<std::string>().empty());
    CHECK(error.at("count") >= 1);
  }
  const auto verdict = json.at("verdict").get<std::string>();
  bool says_why = false;
  for (const std::string& cause : sabotage.causes) says_why = says_why || contains(verdict, cause);
  CHECK_MESSAGE(says_why, verdict);
  CHECK(contains(finished.process.err, json.at("errors")[0].at("message").get<std::string>()));
}

// The database alters rows behind the program's back: the audit is there to see it.
Json audit_with(const std::string& trigger, const std::string& mode, int exit_code) {
  SqliteDatabase database;
  create_tables(database, "sqlite.sql", "messages");
  database.execute("CREATE TRIGGER tamper AFTER INSERT ON messages WHEN NEW.sequence = 7 BEGIN " +
                   trigger + "; END");
  const Finished run =
      AppRun({"--db=" + database.address(), "--rps=max", "--count=100", "--verify=" + mode})
          .finish();
  CHECK(run.process.exit_code == exit_code);
  check_accounts(run);
  CHECK(run.json.at("audit").at("passed") == (exit_code == 0));
  if (exit_code != 0) {
    CHECK(contains(run.process.out, "FAILED"));
    CHECK(contains(run.json.at("verdict").get<std::string>(), "audit"));
  }
  return run.json.at("audit");
}

}  // namespace

TEST_CASE("failure on SQLite: a row the database refuses ends the run, and the report is true") {
  SqliteDatabase database;
  reports_a_failed_write(database, {.sql = "CREATE TRIGGER no BEFORE INSERT ON messages BEGIN "
                                           "SELECT RAISE(ABORT, 'no more of this'); END",
                                    .causes = {"no more of this"}});
}

TEST_CASE("failure on SQLite: a table that is renamed ends the run, and the report is true") {
  SqliteDatabase database;
  reports_a_failed_write(
      database,
      {.sql = "ALTER TABLE messages RENAME TO kept", .table = "kept", .causes = {"messages"}});
}

TEST_CASE("failure on SQLite: a table that is dropped ends the run") {
  SqliteDatabase database;
  reports_a_failed_write(database,
                         {.sql = "DROP TABLE messages", .table = "", .causes = {"messages"}});
}

TEST_CASE("failure on SQLite: a file that is deleted or replaced ends the run, audited or not") {
  for (const std::string mode : {"off", "count"}) {
    for (const bool is_replaced : {false, true}) {
      CAPTURE(mode);
      CAPTURE(is_replaced);
      SqliteDatabase database;
      AppRun run(
          {"--db=" + database.address(), "--rps=1000", "--duration=300", "--verify=" + mode});
      REQUIRE(run.process().await_err("Starting producers..."));
      REQUIRE(database.await_rows("messages", 100));
      database.close();
      std::filesystem::rename(database.path(), database.path() + ".old");
      if (is_replaced) std::filesystem::copy_file(database.path() + ".old", database.path());
      const Finished finished = run.finish();
      CHECK(finished.process.exit_code == 1);
      CHECK(finished.process.elapsed.count() < 250);  // ended by it, not by its schedule
      check_accounts(finished);
      CHECK(finished.json.at("failure").at("code") == "file_gone");
      CHECK(contains(finished.json.at("verdict").get<std::string>(),
                     database.path() + " was deleted, renamed or replaced"));
      CHECK(finished.json.at("audit").at("passed").is_null());
    }
  }
}

TEST_CASE("failure on SQLite: a file that is deleted after the last commit is missed") {
  SqliteDatabase database;
  // The second message is due in a quarter of an hour.
  AppRun run({"--db=" + database.address(), "--rps=0.001", "--duration=0", "--verify=off"});
  REQUIRE(run.process().await_err("Starting producers..."));
  REQUIRE(database.await_rows("messages", 1));
  database.close();
  std::filesystem::remove(database.path());
  run.process().send(SIGTERM);
  const Finished finished = run.finish();
  CHECK(finished.process.exit_code == 1);
  check_accounts(finished);
  CHECK(contains(finished.process.err, "was deleted, renamed or replaced"));
}

TEST_CASE("failure on Postgres: rows the database refuses end the run, and the report is true") {
  for (const std::string method : {"copy", "multi", "unnest", "single"}) {
    CAPTURE(method);
    const auto database = postgres_database();
    if (!database) return;
    reports_a_failed_write(
        *database,
        {.sql = "ALTER TABLE messages ADD CONSTRAINT no_more CHECK (sequence < 0) NOT VALID",
         .causes = {"no_more"}},
        method);
  }
}

TEST_CASE("failure on Postgres: a table that is renamed ends the run, and the report is true") {
  const auto database = postgres_database();
  if (!database) return;
  reports_a_failed_write(
      *database,
      {.sql = "ALTER TABLE messages RENAME TO kept", .table = "kept", .causes = {"messages"}});
}

TEST_CASE("failure on Postgres: a table that is dropped ends the run") {
  const auto database = postgres_database();
  if (!database) return;
  reports_a_failed_write(*database,
                         {.sql = "DROP TABLE messages", .table = "", .causes = {"messages"}});
}

TEST_CASE("failure on Postgres: connections that are cut are made anew, and nothing is lost") {
  for (const std::string method : {"copy", "multi", "unnest", "single"}) {
    CAPTURE(method);
    const auto database = postgres_database();
    if (!database) return;
    AppRun run({"--db=" + database->address(), "--rps=1000", "--duration=3", "--verify=full",
                "--insert=" + method});
    REQUIRE(run.process().await_err("Starting producers..."));
    for (const std::int64_t rows : {100, 500, 1000}) {
      REQUIRE(database->await_rows("messages", rows));
      database->rows(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
          "WHERE datname = current_database() AND pid <> pg_backend_pid()");
    }
    const Finished finished = run.finish();
    check_accounts(finished);
    check_stored_rows(*database, finished.json, "messages");
    CHECK(finished.process.exit_code == 0);
    CHECK(finished.json.at("counts").at("stored") == 3000);
    CHECK(finished.json.at("counts").at("retried_frames") >= 1);
    CHECK(!finished.json.at("errors").empty());
  }
}

TEST_CASE("failure: a row that goes missing is a violation") {
  for (const std::string mode : {"count", "full"}) {
    CHECK(audit_with("DELETE FROM messages WHERE id = NEW.id", mode, 4).at("lost") == 1);
  }
}

TEST_CASE("failure: a row that appears twice is a violation") {
  const std::string twice =
      "INSERT INTO messages (message, created_at, run_id, sequence, producer) "
      "VALUES (NEW.message, NEW.created_at, NEW.run_id, NEW.sequence, NEW.producer)";
  for (const std::string mode : {"count", "full"}) {
    CHECK(audit_with(twice, mode, 4).at("duplicated") == 1);
  }
}

TEST_CASE("failure: a row that no producer sent is a violation") {
  for (const std::string sequence : {"1000000", "-1", "100"}) {
    const std::string stray =
        "INSERT INTO messages (message, created_at, run_id, sequence, producer) "
        "VALUES ('x', 1, NEW.run_id, " +
        sequence + ", 0)";
    CHECK(audit_with(stray, "count", 4).at("unexpected") == 1);
  }
}

TEST_CASE("failure: an altered text is a violation that only --verify=full sees") {
  const std::string altered = "UPDATE messages SET message = upper(message) WHERE id = NEW.id";
  CHECK(audit_with(altered, "full", 4).at("corrupted") == 1);
  CHECK(audit_with(altered, "count", 0).at("corrupted") == 0);
}

TEST_CASE("failure: rows of other runs do not trouble the audit") {
  SqliteDatabase database;
  create_tables(database, "sqlite.sql", "messages");
  database.execute(
      "INSERT INTO messages (message, created_at, run_id, sequence, producer) "
      "VALUES ('x', 1, 1, 7, 0), ('x', 1, 1, 7, 0), ('x', 1, 2, -5, 99)");
  const Finished run =
      AppRun({"--db=" + database.address(), "--rps=max", "--count=100", "--verify=full"}).finish();
  check_all_stored(run, 100);
}

TEST_CASE("app: a run that cannot start replaces the result of an earlier one by a true one") {
  const TempDir directory;
  const std::string json = "--json=result.json";
  REQUIRE(run_app({"--db=null:", "--rps=max", "--count=10", json}, directory.path()).exit_code ==
          0);
  const ProcessResult bad =
      run_app({"--db=sqlite:absent/run.db", "--count=10", json}, directory.path());
  CHECK(bad.exit_code == 1);
  CHECK(bad.out.empty());
  std::ifstream file(directory.file("result.json"));
  const Json result = Json::parse(file);
  CHECK(result.at("exit_code") == 1);
  CHECK(result.at("counts").at("stored") == 0);
  CHECK(result.at("rate").at("stored_per_s").is_null());
  CHECK(result.at("rate").at("sustained").is_null());
  CHECK(contains(result.at("failure").at("message").get<std::string>(), "there is no directory"));
  CHECK(contains(result.at("verdict").get<std::string>(), "could not start"));
}

}  // namespace loadgen
