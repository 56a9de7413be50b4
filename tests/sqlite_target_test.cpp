#include "sink/sqlite_target.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "sink/make_target.h"
#include "support/messages.h"
#include "support/process.h"
#include "support/sql.h"
#include "support/temp_dir.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

struct Bench {
  explicit Bench(const std::string& name = "x.db") : db("sqlite:" + dir.file(name)) {}

  std::unique_ptr<Target> target(Durability durability = Durability::kFull,
                                 const std::string& table = "messages") {
    Options options;
    options.db = db;
    options.table = table;
    options.durability = durability;
    return make_target(options, clock);
  }

  // The error of open(), "" when there is none.
  std::string error_of_open(const std::string& table = "messages") {
    try {
      target(Durability::kFull, table)->open();
      return "";
    } catch (const SetupError& error) {
      return error.what();
    }
  }

  TempDir dir;
  SteadyClock clock;
  const std::string db;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("sqlite: whose file was in another journal mode learns that it is changed, once") {
  Bench bench;
  sql(bench.db, "CREATE TABLE theirs (one)");
  const auto target = bench.target();
  target->open();
  REQUIRE(target->info().notes.size() == 1);
  CHECK(contains(target->info().notes[0], "its journal mode was delete, and is WAL from now on"));
  const auto again = bench.target();
  again->open();
  CHECK(again->info().notes.empty());
}

TEST_CASE("sqlite: the database is put in WAL mode and says which durability is in force") {
  Bench bench;
  const auto target = bench.target(Durability::kRelaxed);
  target->open();
  CHECK(sql(bench.db, "PRAGMA journal_mode") == SqlRows{{"wal"}});
  const TargetInfo info = target->info();
  CHECK(info.kind == "sqlite");
  CHECK(info.insert == InsertMethod::kMulti);
  CHECK(info.durability.at(1) == std::pair<std::string, std::string>("synchronous", "normal"));
  CHECK(bench.target()->info().durability.at(1).second == "full");
  CHECK(info.notes.empty());  // it was made so
}

TEST_CASE("sqlite: a lock another process holds is waited for") {
  Bench bench;
  const auto target = bench.target();
  target->open();
  const auto sink = target->connect({1, {}}, {});
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open((bench.db.substr(7)).c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  const auto frame = some_messages(3);
  WriteResult result{WriteOutcome::kNotWritten};
  {
    std::jthread writer([&] { result = sink->write({frame}); });
    std::this_thread::sleep_for(50ms);  // long enough to meet the lock; either way the test holds
    REQUIRE(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  sqlite3_close(other);
  CHECK(result.outcome == WriteOutcome::kWritten);
}

TEST_CASE("sqlite: the wait for a lock another process holds can be interrupted") {
  Bench bench;
  const auto target = bench.target();
  target->open();
  const auto sink = target->connect({1, {}}, {});
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open((bench.db.substr(7)).c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  const auto frame = some_messages(3);
  WriteResult result;
  {
    std::jthread writer([&] { result = sink->write({frame}); });
    std::this_thread::sleep_for(20ms);
    sink->interrupt();
  }
  sqlite3_close(other);
  CHECK(result.outcome == WriteOutcome::kNotWritten);
  CHECK(sql(bench.db, "SELECT count(*) FROM messages") == SqlRows{{"0"}});
}

TEST_CASE("sqlite: a table with other columns is named, refused and left alone") {
  Bench bench;
  sql(bench.db, "CREATE TABLE messages (id INTEGER PRIMARY KEY, message TEXT)");
  const std::string before = read_file(bench.dir.file("x.db"));
  const std::string error = bench.error_of_open();
  CHECK(contains(error, "x.db: table messages does not fit: it has no column created_at"));
  CHECK(contains(error, "--table"));
  CHECK(read_file(bench.dir.file("x.db")) == before);  // not even put in WAL mode
}

TEST_CASE("sqlite: a table with a further column that must have a value is refused") {
  Bench bench;
  bench.target()->open();
  sql(bench.db,
      "CREATE TABLE strict AS SELECT * FROM messages; DROP TABLE strict;"
      "CREATE TABLE strict (id INTEGER PRIMARY KEY, message TEXT, created_at, run_id, "
      "sequence, producer, tenant TEXT NOT NULL)");
  CHECK(contains(bench.error_of_open("strict"), "its column tenant must have a value"));
  sql(bench.db,
      "CREATE TABLE lenient (id INTEGER PRIMARY KEY, message TEXT, created_at, run_id, "
      "sequence, producer, tenant TEXT NOT NULL DEFAULT 'x', note TEXT)");
  CHECK(bench.error_of_open("lenient").empty());
}

TEST_CASE("sqlite: what is no database is refused and left alone") {
  Bench bench;
  const std::string content(10'000, 'x');
  write_file(bench.dir.file("x.db"), content);
  CHECK(contains(bench.error_of_open(), "x.db: file is not a database"));
  CHECK(read_file(bench.dir.file("x.db")) == content);
}

TEST_CASE("sqlite: a directory, or a path into one that is missing, is refused by name") {
  Bench bench;
  std::filesystem::create_directory(bench.dir.file("x.db"));
  CHECK(contains(bench.error_of_open(), "x.db: is a directory"));
  Bench deep("no/such/x.db");
  CHECK(contains(deep.error_of_open(), "there is no directory"));
}

TEST_CASE("sqlite: a failed start leaves no new file behind") {
  Bench bench;
  // The only table name SQLite itself refuses, found when the file exists already.
  CHECK(contains(bench.error_of_open("sqlite_x"), "reserved"));
  CHECK(std::filesystem::is_empty(bench.dir.path()));
}

TEST_CASE("sqlite: a ledger that cannot be read is an error, not an empty one") {
  Bench bench;
  {
    const auto target = bench.target();
    target->open();
    target->run_log()->start(
        {.run_id = 7, .app_version = "1", .started_at = {}, .config_json = "{}"});
    const auto frame = some_messages(3);
    REQUIRE(target->connect({7, {}}, {})->write({frame, 1}).stored());
  }
  CHECK(bench.target()->run_log()->find(7)->ledger_rows == 3);
  const std::string file = bench.db.substr(7);
  sql(bench.db, "PRAGMA wal_checkpoint(TRUNCATE)");
  const auto page =
      std::stoll(sql(bench.db, "SELECT rootpage FROM sqlite_master WHERE name = 'loadgen_ledger'")
                     .at(0)
                     .at(0));
  const auto page_bytes = std::stoll(sql(bench.db, "PRAGMA page_size").at(0).at(0));
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp((page - 1) * page_bytes);
  bytes << std::string(static_cast<std::size_t>(page_bytes), '\xff');
  bytes.close();
  CHECK_THROWS_AS(bench.target()->run_log()->find(7), SetupError);
}

TEST_CASE("sqlite: the last row before a run is noted only where all later ids are larger") {
  const std::string rest =
      "message TEXT, created_at INTEGER, run_id INTEGER, sequence INTEGER, producer INTEGER";
  struct Case {
    std::string columns;  // "" = as the target makes them
    std::string more;
    bool is_noted;
  };
  for (const Case& one : {
           Case{"", "", true},
           Case{"(id integer PRIMARY KEY AUTOINCREMENT, " + rest + ")", "", true},
           Case{"(id INTEGER, " + rest + ")", "", false},
           Case{"(id INT PRIMARY KEY, " + rest + ")", "", false},
           Case{"(id INTEGER PRIMARY KEY DESC, " + rest + ")", "", false},
           Case{"(id INTEGER, " + rest + ", PRIMARY KEY (id, sequence))", "", false},
           Case{"(id INTEGER DEFAULT 1, " + rest + ", PRIMARY KEY (id)) WITHOUT ROWID", "", false},
           Case{"", "UPDATE t SET id = 9223372036854775807", false},
           Case{"", "DELETE FROM t", false},
           Case{"", "CREATE TRIGGER x AFTER INSERT ON T BEGIN SELECT 1; END", false},
       }) {
    CAPTURE(one.columns);
    CAPTURE(one.more);
    Bench bench;
    if (!one.columns.empty()) sql(bench.db, "CREATE TABLE t " + one.columns);
    const auto target = bench.target(Durability::kFull, "t");
    target->open();
    sql(bench.db,
        "INSERT INTO t (id, message, created_at, run_id, sequence, producer) "
        "VALUES (41, 'x', 0, 5, 6, 0)");
    if (!one.more.empty()) sql(bench.db, one.more);
    target->run_log()->start(
        {.run_id = 7, .app_version = "1", .started_at = {}, .config_json = "{}"});
    const std::string noted = R"({"last_row_before":{"id":41,"run_id":5,"sequence":6}})";
    CHECK(target->run_log()->find(7)->config_json == (one.is_noted ? noted : "{}"));
  }
}

TEST_CASE("sqlite: rows are not read back from a file that was moved away meanwhile") {
  Bench bench;
  const auto target = bench.target();
  target->open();
  const auto count = [&] {
    std::uint64_t rows = 0;
    target->rows()->read_back(1, RowContent::kSequences,
                              [&](const StoredRow&) { return ++rows > 0; });
    return rows;
  };
  CHECK(count() == 0);
  const std::string file = bench.db.substr(7);
  std::filesystem::rename(file, file + ".old");
  CHECK_THROWS_AS(count(), SetupError);
}

TEST_CASE("sqlite: a frame of which a trigger drops rows is refused, and none of it is stored") {
  Bench bench;
  const auto target = bench.target();
  target->open();
  sql(bench.db,
      "CREATE TRIGGER picky BEFORE INSERT ON messages WHEN NEW.sequence % 2 = 1 "
      "BEGIN SELECT RAISE(IGNORE); END");
  const auto frame = some_messages(61);  // more than one statement
  const WriteResult result = target->connect({1, {}}, {})->write({frame});
  CHECK(result.outcome == WriteOutcome::kNotWritten);
  CHECK(result.error.error_class == ErrorClass::kFatal);
  CHECK(result.error.code == "row_count");
  CHECK(contains(result.error.message, "stored 31 of 61 rows"));
  CHECK(sql(bench.db, "SELECT count(*) FROM messages") == SqlRows{{"0"}});
  CHECK(sql(bench.db, "SELECT count(*) FROM loadgen_ledger") == SqlRows{{"0"}});
}

TEST_CASE("sqlite: rows that a table's own triggers write are not counted as the frame's") {
  Bench bench;
  const auto target = bench.target();
  target->open();
  sql(bench.db,
      "CREATE TABLE seen (sequence); CREATE TRIGGER watch AFTER INSERT ON messages "
      "BEGIN INSERT INTO seen VALUES (NEW.sequence), (NEW.sequence); END");
  const auto frame = some_messages(61);
  CHECK(target->connect({1, {}}, {})->write({frame}).outcome == WriteOutcome::kWritten);
}

TEST_CASE("sqlite: a frame for a file that was deleted, renamed or replaced is refused") {
  for (const std::string what : {"deleted", "renamed", "replaced"}) {
    CAPTURE(what);
    Bench bench;
    const auto target = bench.target();
    target->open();
    const auto sink = target->connect({1, {}}, {});
    const std::string file = bench.db.substr(7);
    CHECK_NOTHROW(target->check_is_in_place());
    if (what == "replaced") std::filesystem::copy_file(file, file + ".new");
    std::filesystem::rename(file, file + ".old");
    if (what == "replaced") std::filesystem::rename(file + ".new", file);
    if (what == "deleted") std::filesystem::remove(file + ".old");
    const auto frame = some_messages(3);
    const WriteResult result = sink->write({frame});
    CHECK(result.outcome == WriteOutcome::kNotWritten);
    CHECK(result.error.error_class == ErrorClass::kFatal);
    CHECK(result.error.code == "file_gone");
    CHECK(contains(result.error.message, file + " was deleted, renamed or replaced"));
    CHECK_THROWS_AS(target->check_is_in_place(), SetupError);
  }
}

TEST_CASE("sqlite: hostile table names are quoted") {
  Bench bench;
  std::int64_t run = 0;
  bench.target()->open();
  for (const std::string table : {"m\"; DROP TABLE messages;--", "select", "a b", "日本語", "'"}) {
    CAPTURE(table);
    const auto target = bench.target(Durability::kFull, table);
    target->open();
    ++run;  // the ledger is one for all tables
    const auto frame = some_messages(2);
    CHECK(target->connect({run, {}}, {})->write({frame}).outcome == WriteOutcome::kWritten);
    int rows = 0;
    target->rows()->read_back(run, RowContent::kTexts,
                              [&](const StoredRow&) { return ++rows > 0; });
    CHECK(rows == 2);
  }
  CHECK(sql(bench.db, "SELECT count(*) FROM messages") == SqlRows{{"0"}});
}

TEST_CASE("sqlite: addresses that cannot be a file are usage errors") {
  SteadyClock clock;
  for (const std::string db : {"sqlite:", "sqlite::memory:", "sqlite://relative.db"}) {
    CAPTURE(db);
    Options options;
    options.db = db;
    CHECK_THROWS_AS(make_target(options, clock), UsageError);
  }
}

TEST_CASE("sqlite: a ledger is refused unless its one unique key is on run and frame") {
  struct Case {
    std::string keys;     // of the table, after its columns
    std::string more;     // a statement about the table
    std::string problem;  // "" = it fits
  };
  const std::string none = "it has no unique key on (run_id, frame)";
  for (const Case& one : {
           Case{"", "", none},
           Case{", PRIMARY KEY (run_id, frame)", "", ""},
           Case{", UNIQUE (Frame, Run_Id)", "", ""},
           Case{", PRIMARY KEY (run_id, frame, rows)", "", none},
           Case{"", "CREATE UNIQUE INDEX x ON loadgen_ledger (run_id, frame) WHERE rows > 1", none},
           Case{"", "CREATE UNIQUE INDEX x ON loadgen_ledger (run_id, frame + 0)",
                "its unique key x may refuse what was never stored"},
           Case{", PRIMARY KEY (run_id, frame), UNIQUE (frame)", "",
                "may refuse what was never stored"},
           Case{", PRIMARY KEY (run_id, frame), UNIQUE (rows, frame, run_id)", "", ""},
       }) {
    CAPTURE(one.keys);
    CAPTURE(one.more);
    Bench bench;
    sql(bench.db,
        "CREATE TABLE loadgen_ledger (run_id bigint NOT NULL, frame bigint NOT NULL, "
        "rows integer NOT NULL" +
            one.keys + ")");
    if (!one.more.empty()) sql(bench.db, one.more);
    const std::string error = bench.error_of_open();
    CHECK(contains(error, one.problem));
    CHECK(error.empty() == one.problem.empty());
  }
}
