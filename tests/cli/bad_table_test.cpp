#include <doctest/doctest.h>

#include "cli/app.h"
#include "cli/database.h"

namespace loadgen {
namespace {

const Arguments kBrief{"--rps=max", "--count=20", "--verify=full", "--quiet", "--json=-"};

// Names that are fine once they are quoted, and disasters before.
const std::vector<std::string> kOddNames{
    "m\"; DROP TABLE canary;--",
    "m'; DROP TABLE canary;--",
    "canary\" --",
    "canary; DELETE FROM canary",
    "Robert'); DROP TABLE canary;--",
    ":\"table\"",
    "two words",
    " blanks around ",
    "select",
    "MiXeD",
    "[brackets]",
    "`ticks`",
    "back\\slash",
    "%s%n{}{0}$1?1",
    "\"",
    "\"\"",
    "\u00fcn\u00efc\u00f6d\u00e9 \u8868",
    "\U0001f600",
    std::string(63, 'x'),
};

std::string quoted(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void plant_canary(Database& database) {
  database.execute("CREATE TABLE canary (song text)");
  database.execute("INSERT INTO canary VALUES ('tweet')");
}

void check_canary(Database& database) {
  CHECK(database.rows("SELECT song FROM canary") ==
        std::vector<std::vector<std::string>>{{"tweet"}});
}

void stores_under_odd_names(Database& database) {
  plant_canary(database);
  for (const std::string& name : kOddNames) {
    CAPTURE(name);
    Arguments arguments = kBrief;
    arguments.insert(arguments.end(), {"--db=" + database.address(), "--table=" + name});
    const ProcessResult result = run_app(arguments);
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
    if (result.exit_code != 0) continue;
    const Json json = Json::parse(result.out);
    CHECK(json.at("config").at("table") == name);
    CHECK(json.at("counts").at("stored") == 20);
    CHECK(json.at("audit").at("passed") == true);
    CHECK(database.number("SELECT count(*) FROM " + quoted(name)) == 20);
    check_canary(database);
  }
}

// Refused before anything is touched.
const std::vector<std::string> kRefusedNames{"",         std::string(64, 'x'), "a\nb",
                                             "a\tb",     "\x1b[31m",           "\x01",
                                             "\xff\xfe", "loadgen_runs",       "loadgen_other"};

void refuses_bad_names(const std::string& address, const std::string& directory) {
  for (const std::string& name : kRefusedNames) {
    CAPTURE(name);
    Arguments arguments = kBrief;
    arguments.insert(arguments.end(), {"--db=" + address, "--table=" + name});
    CHECK(contains(check_refused(run_app(arguments, directory), 2), "--table"));
  }
}

}  // namespace

TEST_CASE("table names on SQLite: odd ones are quoted, and harm no other table") {
  SqliteDatabase database;
  stores_under_odd_names(database);
}

TEST_CASE("table names on Postgres: odd ones are quoted, and harm no other table") {
  const auto database = postgres_database();
  if (database) stores_under_odd_names(*database);
}

TEST_CASE("table names on SQLite: impossible ones are refused, and no file appears") {
  const TempDir directory;
  refuses_bad_names("sqlite:messages.db", directory.path());
  CHECK(is_empty_directory(directory));
}

TEST_CASE("table names on Postgres: impossible ones are refused, and no table appears") {
  const auto database = postgres_database();
  if (!database) return;
  // Whoever writes it means a schema, and would get a table of that odd name.
  const std::string dotted = check_refused(
      run_app({"--count=1", "--db=" + database->address(), "--table=public.messages"}), 2);
  CHECK(contains(dotted, "--table=public.messages: expected a name without a schema"));
  refuses_bad_names(database->address(), "");
  CHECK(database->number("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0);
}

TEST_CASE("table names on SQLite: a name in the way of loadgen's own, or SQLite's, is refused") {
  // SQLite's names know no case. Its own names only the database can refuse.
  for (const auto& refused : std::map<std::string, int>{
           {"LOADGEN_RUNS", 2}, {"Loadgen_Runs", 2}, {"sqlite_master", 1}, {"sqlite_mine", 1}}) {
    const std::string& name = refused.first;
    CAPTURE(name);
    const TempDir directory;
    const ProcessResult result =
        run_app({"--rps=max", "--count=1", "--table=" + name}, directory.path());
    check_refused(result, refused.second);
    CHECK(is_empty_directory(directory));
  }
}

TEST_CASE("table names on Postgres: a catalogue's name is refused") {
  const auto database = postgres_database();
  if (!database) return;
  const ProcessResult result =
      run_app({"--rps=max", "--count=1", "--db=" + database->address(), "--table=pg_class"});
  check_refused(result, 1);
  CHECK(database->number("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0);
}

}  // namespace loadgen
