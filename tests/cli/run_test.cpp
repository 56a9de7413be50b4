#include <doctest/doctest.h>

#include <chrono>
#include <regex>

#include "cli/app.h"
#include "cli/database.h"

namespace loadgen {
namespace {

Arguments with_db(const Database& database, Arguments arguments) {
  arguments.push_back("--db=" + database.address());
  return arguments;
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The main job, as the first line of the manual has it.
void stores_every_message_once(Database& database) {
  const std::int64_t begin_us = now_us();
  AppRun run(with_db(database, {"--producers=10", "--consumers=5", "--rps=500", "--duration=2"}));
  const Finished finished = run.finish();
  const std::int64_t end_us = now_us();
  check_all_stored(finished, 1000);
  CHECK(finished.process.out.starts_with("Produced: 1000 | Consumed: 1000\n"));
  check_stored_rows(database, finished.json);

  const auto row = database
                       .rows(
                           "SELECT count(*), count(DISTINCT sequence), min(sequence), "
                           "max(sequence), count(DISTINCT producer), count(DISTINCT run_id), "
                           "count(DISTINCT message) FROM messages")
                       .at(0);
  CHECK(row == std::vector<std::string>{"1000", "1000", "0", "999", "10", "1", "1000"});

  const std::string created = database.created_at_us();
  const auto times =
      database.rows("SELECT min(" + created + "), max(" + created + ") FROM messages").at(0);
  CHECK(std::stoll(times[0]) >= begin_us);
  CHECK(std::stoll(times[1]) <= end_us);
  // The last is due 1.998 s after the first, and none is made before it is due.
  CHECK(std::stoll(times[1]) - std::stoll(times[0]) > 1'500'000);
}

void keeps_earlier_runs(Database& database) {
  const Arguments arguments = with_db(database, {"--rps=max", "--count=300"});
  const Finished first = AppRun(arguments).finish();
  const auto rows_of_first = database.rows("SELECT * FROM messages ORDER BY id");
  const Finished second = AppRun(arguments).finish();
  check_all_stored(second, 300);
  CHECK(first.json.at("run_id") != second.json.at("run_id"));
  CHECK(database.rows(
            "SELECT * FROM messages WHERE run_id = " + first.json.at("run_id").get<std::string>() +
            " ORDER BY id") == rows_of_first);
  CHECK(database.number("SELECT count(*) FROM messages") == 600);
  check_stored_rows(database, first.json);
  check_stored_rows(database, second.json);
}

void records_itself(Database& database) {
  const Finished run = AppRun(with_db(database, {"--rps=max", "--count=50"})).finish();
  const auto records = database.rows(
      "SELECT run_id, app_version, table_name, config, result FROM loadgen_runs "
      "WHERE started_at <= ended_at");
  REQUIRE(records.size() == 1);
  CHECK(records[0][0] == run.json.at("run_id").get<std::string>());
  CHECK(records[0][1] == run.json.at("app_version").get<std::string>());
  CHECK(records[0][2] == "messages");
  CHECK(Json::parse(records[0][3]) == run.json.at("config"));
  CHECK(Json::parse(records[0][4]) == run.json);
}

void writes_by(Database& database, const std::vector<std::string>& methods,
               const std::string& automatic) {
  for (const std::string& method : methods) {
    CAPTURE(method);
    // Frames of several sizes: full ones, and what linger and drain leave.
    const Finished run = AppRun(with_db(database, {"--rps=20k", "--count=3000", "--batch-size=70",
                                                   "--verify=full", "--insert=" + method}))
                             .finish();
    check_all_stored(run, 3000);
    check_stored_rows(database, run.json);
    CHECK(run.json.at("config").at("insert") == (method == "auto" ? automatic : method));
  }
}

std::vector<std::vector<std::string>> texts_of(const Arguments& more) {
  SqliteDatabase database;
  Arguments arguments =
      with_db(database, {"--rps=max", "--count=200", "--producers=1", "--verify=full"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  check_all_stored(AppRun(arguments).finish(), 200);
  return database.rows("SELECT sequence, message FROM messages ORDER BY sequence");
}

void two_at_once(Database& database) {
  const Arguments arguments = with_db(database, {"--rps=500", "--duration=1"});
  AppRun one(arguments);
  AppRun other(arguments);
  for (AppRun* run : {&one, &other}) {
    const Finished finished = run->finish();
    check_all_stored(finished, 500);
    check_stored_rows(database, finished.json);
  }
  CHECK(database.number("SELECT count(*) FROM messages") == 1000);
}

}  // namespace

TEST_CASE("run on SQLite: every message is stored once, and the report says so") {
  SqliteDatabase database;
  stores_every_message_once(database);
}

TEST_CASE("run on Postgres: every message is stored once, and the report says so") {
  const auto database = postgres_database();
  if (database) stores_every_message_once(*database);
}

TEST_CASE("run on SQLite: a second run into the same table keeps the first") {
  SqliteDatabase database;
  keeps_earlier_runs(database);
}

TEST_CASE("run on Postgres: a second run into the same table keeps the first") {
  const auto database = postgres_database();
  if (database) keeps_earlier_runs(*database);
}

TEST_CASE("run on SQLite: loadgen_runs holds the configuration and the result") {
  SqliteDatabase database;
  records_itself(database);
}

TEST_CASE("run on Postgres: loadgen_runs holds the configuration and the result") {
  const auto database = postgres_database();
  if (database) records_itself(*database);
}

TEST_CASE("run on SQLite: every way of inserting stores the same") {
  SqliteDatabase database;
  writes_by(database, {"auto", "multi", "single"}, "multi");
}

TEST_CASE("run on Postgres: every way of inserting stores the same") {
  const auto database = postgres_database();
  if (database) writes_by(*database, {"auto", "copy", "multi", "unnest", "single"}, "copy");
}

TEST_CASE("run on SQLite: two runs at once share a new file and a table") {
  SqliteDatabase database;
  two_at_once(database);
}

TEST_CASE("run on Postgres: two runs at once share a new database and a table") {
  const auto database = postgres_database();
  if (database) two_at_once(*database);
}

TEST_CASE("run: a seed makes the texts anew, another seed makes others") {
  const auto texts = texts_of({"--seed=7"});
  CHECK(texts_of({"--seed=7"}) == texts);
  CHECK(texts_of({"--seed=8"}) != texts);
  CHECK(texts_of({}) != texts);
}

TEST_CASE("run: the seed that was chosen is reported, and makes the same texts") {
  SqliteDatabase database;
  const Finished run =
      AppRun(with_db(database, {"--rps=max", "--count=200", "--producers=1"})).finish();
  const std::string seed = run.json.at("config").at("seed").dump();
  CHECK(contains(run.process.out, seed));
  CHECK(database.rows("SELECT sequence, message FROM messages ORDER BY sequence") ==
        texts_of({"--seed=" + seed}));
}

TEST_CASE("run: a count ends a run before its duration, and without one") {
  SqliteDatabase database;
  for (const Arguments& arguments : {Arguments{"--count=250", "--rps=1000", "--duration=1m"},
                                     {"--count=250", "--rps=1000", "--duration=0"},
                                     {"--count=250", "--rps=max", "--duration=0"},
                                     {"--count=250", "--rps=max"},
                                     {"--count=9k", "--rps=500", "--duration=500ms"}}) {
    const Finished run = AppRun(with_db(database, arguments)).finish();
    check_all_stored(run, 250);
    check_stored_rows(database, run.json);
    CHECK(run.process.elapsed.count() < 30);
  }
}

TEST_CASE("run: a fraction of a message per second is a rate") {
  // Due at 0 s, and then not before 4 s.
  const Finished run = AppRun({"--db=null:", "--rps=0.25", "--duration=300ms"}).finish();
  CHECK(run.process.exit_code == 0);
  CHECK(run.json.at("counts").at("stored") == 1);
}

TEST_CASE("run: as fast as possible has no rate to sustain and loses nothing") {
  SqliteDatabase database;
  const Finished run =
      AppRun(with_db(database, {"--rps=max", "--count=20k", "--verify=full"})).finish();
  check_all_stored(run, 20'000);
  check_stored_rows(database, run.json);
  CHECK(run.json.at("rate").at("target_per_s").is_null());
  CHECK(run.json.at("rate").at("sustained").is_null());
}

TEST_CASE("run: the largest numbers of threads work") {
  const Finished run =
      AppRun({"--db=null:", "--rps=max", "--count=50k", "--producers=1024", "--consumers=256"})
          .finish();
  CHECK(run.process.exit_code == 0);
  check_accounts(run);
  CHECK(run.json.at("counts").at("stored") == 50'000);
}

TEST_CASE("run on SQLite: consumers get a connection each, even where few open files are usual") {
  SqliteDatabase database;
  const ProcessResult result = run_app_in_shell(
      "ulimit -Sn 64; \"$@\"",
      {"--rps=max", "--count=5000", "--consumers=100", "--db=" + database.address()}, "");
  CAPTURE(result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.out.starts_with("Produced: 5000 | Consumed: 5000\n"));
}

TEST_CASE("run: messages of every size arrive whole") {
  SqliteDatabase database;
  for (const char* size : {"1", "15", "256"}) {
    const Finished run = AppRun(with_db(database, {"--rps=max", "--count=100", "--verify=full",
                                                   std::string("--message-size=") + size}))
                             .finish();
    check_all_stored(run, 100);
    check_stored_rows(database, run.json);
  }
}

TEST_CASE("run: the command's name may be left out, and values may follow in the next argument") {
  SqliteDatabase database;
  const ProcessResult result = run_app({"run", "--rps", "max", "--count", "10", "--producers", "2",
                                        "--db", database.address(), "--table", "other"});
  CHECK(result.exit_code == 0);
  CHECK(database.number("SELECT count(*) FROM other") == 10);
}

TEST_CASE("run: a large channel takes no more memory than what is in it") {
  const ProcessResult result = run_app({"--db=null:", "--rps=max", "--count=100000",
                                        "--queue-capacity=20M", "--verify=off", "--json=-"});
  REQUIRE(result.exit_code == 0);
  // All of it would be 2 GB.
  CHECK(Json::parse(result.out).at("client").at("max_rss_bytes") < 500'000'000);
}

TEST_CASE("run: the database is told to be in another journal mode from now on") {
  SqliteDatabase database;
  database.execute("CREATE TABLE theirs (one)");
  database.close();
  const Arguments arguments{"--db=" + database.address(), "--rps=max", "--count=10"};
  CHECK(contains(run_app(arguments).err, "its journal mode was delete, and is WAL from now on"));
  CHECK_FALSE(contains(run_app(arguments).err, "journal mode"));
}

TEST_CASE("run: without an address the messages are in messages.db where it was started") {
  const TempDir directory;
  CHECK(run_app({"--rps=max", "--count=10"}, directory.path()).exit_code == 0);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    CHECK(entry.path().filename() == "messages.db");  // and no journal is left beside it
    ++files;
  }
  CHECK(files == 1);
}

TEST_CASE("run: the environment's address is used when no option gives one") {
  SqliteDatabase database;
  CHECK(run_app({"--rps=max", "--count=10"}, "", {{"APP_DB", database.address()}}).exit_code == 0);
  CHECK(database.number("SELECT count(*) FROM messages") == 10);
}

TEST_CASE("run on SQLite: blanks and other odd characters may stand in the file's name") {
  for (const std::string name :
       {"with blanks.db", "a?b#c%41&d=e.db", "f\u00fcnf.db", "-", "'q'\""}) {
    CAPTURE(name);
    SqliteDatabase database(name);
    check_all_stored(AppRun(with_db(database, {"--rps=max", "--count=10"})).finish(), 10);
    CHECK(database.number("SELECT count(*) FROM messages") == 10);
  }
}

TEST_CASE("run: null: takes everything and keeps nothing") {
  const TempDir directory;
  const ProcessResult result =
      run_app({"--db=null:", "--rps=max", "--count=10k", "--json=-"}, directory.path());
  REQUIRE(result.exit_code == 0);
  const Json json = Json::parse(result.out);
  CHECK(json.at("counts").at("stored") == 10'000);
  CHECK(json.at("audit").at("mode") == "off");
  CHECK(json.at("audit").at("passed").is_null());
  CHECK(is_empty_directory(directory));
}

}  // namespace loadgen
