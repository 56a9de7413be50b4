#include <doctest/doctest.h>

#include <filesystem>

#include "cli/app.h"
#include "cli/database.h"

namespace loadgen {
namespace {

namespace fs = std::filesystem;

ProcessResult run_brief(const std::string& address, const Arguments& more = {}) {
  Arguments arguments{"--rps=max", "--count=10", "--db=" + address};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_app(arguments, "");
}

std::size_t files_in(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

// Refused with a line that holds `why`; the file and its directory are as before.
void check_untouched(SqliteDatabase& database, const std::string& why, const Arguments& more = {}) {
  database.close();
  const std::string before = read_file(database.path());
  CHECK(contains(check_refused(run_brief(database.address(), more), 1), why));
  CHECK(read_file(database.path()) == before);
  CHECK(files_in(database.directory().path()) == 1);
}

}  // namespace

TEST_CASE("bad database on SQLite: a directory is refused") {
  const TempDir directory;
  CHECK(contains(check_refused(run_brief("sqlite:" + directory.path().string()), 1),
                 directory.path()));
  CHECK(is_empty_directory(directory));
}

TEST_CASE("bad database on SQLite: a directory that is not there is named, and not made") {
  const TempDir directory;
  const std::string missing = directory.file("missing");
  CHECK(contains(check_refused(run_brief("sqlite:" + missing + "/x.db"), 1), missing));
  CHECK(is_empty_directory(directory));
}

TEST_CASE("bad database on SQLite: a file that is no database stays as it is") {
  const std::string header("SQLite format 3\0", 16);
  for (const std::string& content :
       {std::string("a text, and a long one, that is dear to somebody\n"), std::string(5000, 'x'),
        header + std::string(84, '\xff'), header + std::string(5000, '\x01')}) {
    SqliteDatabase database("notes.txt");
    write_file(database.path(), content);
    check_untouched(database, "notes.txt");
  }
}

TEST_CASE("bad database on SQLite: a table with other columns stays as it is") {
  const std::vector<std::string> tables{
      "CREATE TABLE messages (a, b)",
      "CREATE TABLE messages (id INTEGER PRIMARY KEY, message, created_at, run_id, sequence)",
      "CREATE TABLE messages (id INTEGER PRIMARY KEY, message, created_at, run_id, sequence, "
      "producer, mine NOT NULL)"};
  for (const std::string& table : tables) {
    CAPTURE(table);
    SqliteDatabase database;
    database.execute(table);
    check_untouched(database, "messages");
  }
}

TEST_CASE("bad database on SQLite: another program's loadgen_runs stays as it is") {
  SqliteDatabase database;
  database.execute("CREATE TABLE loadgen_runs (distance_km REAL)");
  check_untouched(database, "loadgen_runs");
}

TEST_CASE("bad database on SQLite: a view under the table's name stays as it is") {
  SqliteDatabase database;
  database.execute(
      "CREATE VIEW messages AS SELECT 1 AS id, '' AS message, 1 AS created_at, 1 AS run_id, "
      "1 AS sequence, 1 AS producer");
  check_untouched(database, "messages");
}

TEST_CASE("bad database on SQLite: another table of the file does not matter") {
  SqliteDatabase database;
  database.execute("CREATE TABLE mine (a); INSERT INTO mine VALUES (7)");
  CHECK(run_brief(database.address()).exit_code == 0);
  CHECK(database.number("SELECT a FROM mine") == 7);
  CHECK(database.number("SELECT count(*) FROM messages") == 10);
}

TEST_CASE("bad database on SQLite: a file or directory that may not be written is refused") {
  struct Case {
    fs::perms file;
    fs::perms directory;
  };
  const fs::perms read = fs::perms::owner_read | fs::perms::others_read;
  const fs::perms search = read | fs::perms::owner_exec | fs::perms::others_exec;
  const fs::perms all = fs::perms::all;
  for (const auto& [file, folder] : {Case{read, all}, Case{all, search}, Case{read, search}}) {
    SqliteDatabase database;
    database.execute("CREATE TABLE mine (a)");
    database.close();
    const std::string before = read_file(database.path());
    fs::permissions(database.path(), file);
    fs::permissions(database.directory().path(), folder);
    const auto result = run_app_unprivileged(
        {"--count=1", "--rps=max", "--db=" + database.address()}, database.directory());
    fs::permissions(database.directory().path(), all);
    if (!result) return;
    check_refused(*result, 1);
    CHECK(read_file(database.path()) == before);
    CHECK(files_in(database.directory().path()) == 1);
  }
}

TEST_CASE("bad database on SQLite: a lock held while a run starts is waited for, and told") {
  SqliteDatabase database;
  create_tables(database, "sqlite.sql", "messages");
  database.lock("messages");
  AppRun run({"--rps=max", "--count=10", "--db=" + database.address()});
  REQUIRE(run.process().await_err("database is locked by another process"));
  database.unlock();
  check_all_stored(run.finish(), 10);
}

TEST_CASE(
    "bad database on SQLite: a lock is waited for a second, and then as long as --connect-wait "
    "says") {
  SqliteDatabase database;
  create_tables(database, "sqlite.sql", "messages");
  database.lock("messages");
  for (const char* wait : {"--connect-wait=0", "--connect-wait=250ms"}) {
    const std::string line = check_refused(run_brief(database.address(), {wait}), 1);
    CHECK(contains(line, "database is locked by another process"));
  }
}

TEST_CASE("bad database on Postgres: an address where nothing answers is named") {
  // Name servers may take their time, so this one is not held to two seconds.
  const ProcessResult nowhere = run_brief("postgres://user@nosuch.invalid/db");
  CHECK(nowhere.exit_code == 1);
  CHECK(nowhere.out.empty());
  CHECK(contains(nowhere.err, "app: "));
  CHECK(contains(nowhere.err, "nosuch.invalid"));
  CHECK(contains(check_refused(run_brief("host=127.0.0.1 port=1 user=u", {"--connect-wait=0"}), 1),
                 "127.0.0.1"));
  CHECK(contains(check_refused(run_brief("host=/nonexistent user=u", {"--connect-wait=0"}), 1),
                 "/nonexistent"));
}

TEST_CASE("bad database on Postgres: a port that is none is refused before anything starts") {
  for (const char* address : {"postgres://user@127.0.0.1:99999/db", "host=127.0.0.1 port=0 user=u",
                              "host=127.0.0.1,127.0.0.1 port=5432,five user=u"}) {
    CAPTURE(address);
    const std::string line = check_refused(run_brief(address), 2);
    CHECK(contains(line, "--db="));
    CHECK(contains(line, "expected 1 to 65535"));
  }
}

TEST_CASE("bad database on Postgres: options that no server can meet are not tried again") {
  const auto is_refused = [](const std::string& address, const std::string& why,
                             const Variables& variables = {}) {
    CAPTURE(address);
    const ProcessResult result =
        run_app({"--count=1", "--connect-wait=1h", "--db=" + address}, "", variables);
    CHECK(contains(check_refused(result, 1), why));
    CHECK(!contains(result.err, "Waiting for the database"));
  };
  is_refused("service=nosuch", "nosuch");
  is_refused("host=/nonexistent user=u sslmode=maybe", "maybe");
  is_refused("host=/nonexistent,/nowhere user=u port=1,2,3", "3 port numbers");
  is_refused("host=127.0.0.1 user=u", "70000", {{"PGPORT", "70000"}});
}

TEST_CASE("bad database on Postgres: a socket that is not there yet is waited for") {
  const ProcessResult result = run_brief("host=/nonexistent user=u", {"--connect-wait=300ms"});
  CHECK(contains(result.err, "Waiting for the database"));
  check_refused(result, 1);
}

TEST_CASE("bad database on Postgres: a lock held while a run starts is waited for, and told") {
  const auto database = postgres_database();
  if (!database) return;
  // Once for the tables that are to be made, once for the record of the run.
  for (const char* sql : {"", "LOCK TABLE loadgen_runs IN ACCESS EXCLUSIVE MODE"}) {
    CAPTURE(sql);
    database->execute("BEGIN");
    if (*sql == '\0') {
      create_tables(*database, "postgres.sql", "messages");
    } else {
      database->execute(sql);
    }
    AppRun run({"--rps=max", "--count=10", "--db=" + database->address()});
    REQUIRE(run.process().await_err("Waiting for the database"));
    database->execute("ROLLBACK");
    check_all_stored(run.finish(), 10);
  }
}

TEST_CASE("bad database on Postgres: a database or role that does not exist is named") {
  const auto database = postgres_database();
  if (!database) return;
  const std::string address = database->address();
  CHECK(
      contains(check_refused(run_brief(address + " dbname=nosuchdatabase"), 1), "nosuchdatabase"));
  CHECK(
      contains(check_refused(run_brief(database->address_as("nosuchrole", "")), 1), "nosuchrole"));
}

namespace {

// Refused with a line that holds `why`; the tables and what is in them are as before.
void check_untouched(PostgresDatabase& database, const std::string& why,
                     const std::string& user = "", const Arguments& more = {}) {
  const auto everything = [&] {
    return database.rows(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY table_name, ordinal_position");
  };
  const auto before = everything();
  CHECK(contains(check_refused(run_brief(database.address_as(user, ""), more), 1), why));
  CHECK(everything() == before);
}

}  // namespace

TEST_CASE("bad database on Postgres: a table with other columns or types stays as it is") {
  const auto database = postgres_database();
  if (!database) return;
  const std::string id = "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, ";
  const std::vector<std::pair<std::string, std::string>> tables{
      {"TABLE messages (id int, a text)", "column"},
      {"TABLE messages (" + id + "message text, created_at timestamptz, run_id bigint, " +
           "sequence integer, producer integer)",
       "sequence"},
      {"TABLE messages (" + id + "message text, created_at timestamp, run_id bigint, " +
           "sequence bigint, producer integer)",
       "created_at"},
      {"TABLE messages (" + id + "message integer, created_at timestamptz, run_id bigint, " +
           "sequence bigint, producer integer)",
       "message"},
      {"TABLE messages (" + id + "message text, created_at timestamptz, run_id bigint, " +
           "sequence bigint, producer integer, mine text NOT NULL)",
       "mine"},
      {"TABLE messages (message text, created_at timestamptz, run_id text, sequence bigint, "
       "producer integer)",
       "run_id"},
      {"VIEW messages AS SELECT 1 AS id, 'x'::text AS message, now() AS created_at, "
       "1::bigint AS run_id, 1::bigint AS sequence, 1 AS producer",
       "messages"},
      {"TABLE loadgen_runs (distance_km real)", "loadgen_runs"}};
  for (const auto& pair : tables) {
    const std::string& table = pair.first;  // clang 14 captures no structured bindings
    const std::string& why = pair.second;
    CAPTURE(table);
    database->execute("CREATE " + table);
    check_untouched(*database, why);
    const std::size_t name_begin = table.find(' ') + 1;
    database->execute("DROP " + table.substr(0, table.find(' ', name_begin)));
  }
}

TEST_CASE("bad database on Postgres: who may not create tables can use those that are there") {
  const auto database = postgres_database();
  if (!database) return;
  const std::string role = database->create_role("");
  database->execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
  check_untouched(*database, "permission denied", role);

  create_tables(*database, "postgres.sql", "messages");
  check_untouched(*database, "permission denied", role);
  CHECK(database->number("SELECT count(*) FROM loadgen_runs") == 0);

  database->execute("GRANT SELECT, INSERT ON messages TO " + role);
  database->execute("GRANT SELECT, INSERT, UPDATE ON loadgen_runs TO " + role);
  database->execute("GRANT SELECT, INSERT ON loadgen_ledger TO " + role);
  CHECK(run_brief(database->address_as(role, "")).exit_code == 0);
  CHECK(database->number("SELECT count(*) FROM messages") == 10);
}

TEST_CASE("bad database on Postgres: too few connections end the run before it begins") {
  const auto database = postgres_database();
  if (!database) return;
  create_tables(*database, "postgres.sql", "messages");
  const std::string limited = database->create_role("CONNECTION LIMIT 3");
  database->execute("GRANT ALL ON messages, loadgen_runs, loadgen_ledger TO " + limited);
  check_untouched(*database, "too many connections", limited, {"--connect-wait=0"});
  check_untouched(*database, "--consumers=5 needs 6 connections", limited, {"--connect-wait=0"});
  CHECK(database->number("SELECT count(*) FROM messages") == 0);
  CHECK(database->number("SELECT count(*) FROM loadgen_runs") == 0);
}

}  // namespace loadgen
