// The unique keys a Postgres target asks for, and how it tells a conflict with the ledger.

#include <doctest/doctest.h>

#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/messages.h"
#include "support/postgres_bench.h"

using namespace loadgen;

TEST_CASE("postgres: a ledger is refused unless its one unique key is on run and frame, at once") {
  if (!test_postgres()) return;
  struct Case {
    std::string keys;     // of the table, after its columns
    std::string more;     // statements about the table l
    std::string problem;  // "" = it fits
  };
  const std::string none = "no unique key on (run_id, frame) is in force at once";
  for (const Case& one : {
           Case{"", "", none},
           Case{", PRIMARY KEY (run_id, frame)", "", ""},
           Case{", CONSTRAINT another_name UNIQUE (frame, run_id)", "", ""},
           Case{", PRIMARY KEY (run_id, frame, rows)", "", none},
           Case{", PRIMARY KEY (run_id, frame) DEFERRABLE", "", none},
           Case{"", "CREATE UNIQUE INDEX ON loadgen_ledger (run_id, frame) WHERE rows > 1", none},
           Case{"", "CREATE UNIQUE INDEX ON loadgen_ledger (run_id, (frame + 0))",
                "may refuse what was never stored"},
           Case{"", "CREATE UNIQUE INDEX ON loadgen_ledger (run_id) INCLUDE (frame)",
                "may refuse what was never stored"},
           Case{", PRIMARY KEY (run_id, frame), CONSTRAINT extra UNIQUE (frame)", "",
                "its unique key extra may refuse what was never stored"},
           Case{", PRIMARY KEY (run_id, frame), UNIQUE (rows, frame, run_id)", "", ""},
           Case{", PRIMARY KEY (run_id, frame), EXCLUDE (frame WITH =)", "",
                "may refuse what was never stored"},
       }) {
    CAPTURE(one.keys);
    CAPTURE(one.more);
    // The ledger's name is given: each has a schema of its own.
    PostgresBench bench;
    bench.use_own_schema();
    sql(bench.db,
        "CREATE TABLE loadgen_ledger (run_id bigint NOT NULL, frame bigint NOT NULL, "
        "rows integer NOT NULL" +
            one.keys + ")");
    if (!one.more.empty()) sql(bench.db, one.more);
    const std::string error = bench.error_of_open();
    CHECK(contains(error, one.problem));
    CHECK(error.empty() == one.problem.empty());
    if (!one.problem.empty()) {
      CHECK(contains(error, "table loadgen_ledger does not fit"));
      continue;
    }
    // Whatever the key's name, a conflict is known as what it is.
    const auto target = bench.target();
    target->open();
    const auto frame = some_messages(2);
    CHECK(target->connect({bench.run, {}}, {})->write({frame}).outcome == WriteOutcome::kWritten);
    CHECK(target->connect({bench.run, {}}, {})->write({frame}).outcome ==
          WriteOutcome::kAlreadyWritten);
  }
}

TEST_CASE("postgres: a unique key of the messages is no sign that a frame was stored") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  const auto target = bench.target();
  target->open();
  sql(bench.db, "ALTER TABLE " + bench.table + " ADD CONSTRAINT " + bench.table +
                    "_ledger_pkey UNIQUE (producer)");
  const auto frame = some_messages(2);
  const WriteResult result = target->connect({bench.run, {}}, {})->write({frame});
  CHECK(result.outcome == WriteOutcome::kNotWritten);
  CHECK(result.error.error_class == ErrorClass::kPoison);
}

TEST_CASE("postgres: the runs' table is refused without its key") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  bench.use_own_schema();
  bench.target()->open();
  sql(bench.db, "ALTER TABLE loadgen_runs DROP CONSTRAINT loadgen_runs_pkey");
  CHECK(contains(bench.error_of_open(), "CREATE UNIQUE INDEX ON loadgen_runs (run_id) makes one"));
  sql(bench.db, "CREATE UNIQUE INDEX ON loadgen_runs (run_id)");
  CHECK(bench.error_of_open().empty());
}

TEST_CASE("postgres: the last row before a run is noted only where all later ids are larger") {
  if (!test_postgres()) return;
  struct Case {
    std::string more;  // statements about the table t
    bool is_noted;
  };
  for (const Case& one : {
           Case{"", true},
           Case{"ALTER TABLE t ALTER id SET INCREMENT 7", true},
           Case{"ALTER TABLE t ALTER id SET INCREMENT -1", false},
           Case{"ALTER TABLE t ALTER id SET CACHE 2", false},
           Case{"ALTER TABLE t ALTER id SET CYCLE", false},
           Case{"ALTER TABLE t ALTER id RESTART", false},
           Case{"UPDATE t SET id = 42", false},
           Case{"DELETE FROM t", false},
           Case{"ALTER TABLE t DROP CONSTRAINT t_pkey", false},
           Case{"ALTER TABLE t ALTER id DROP IDENTITY; ALTER TABLE t ALTER id SET DEFAULT 41",
                false},
           Case{"CREATE TABLE t_child () INHERITS (t)", false},
           Case{"CREATE RULE x AS ON INSERT TO t DO ALSO SELECT 1", false},
           Case{"CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW "
                "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                false},
       }) {
    CAPTURE(one.more);
    PostgresBench bench;
    const auto target = bench.target();
    target->open();
    const auto about_table = [&](std::string statements) {
      return sql(bench.db,
                 std::regex_replace(statements, std::regex("\\bt(?=_|\\b)"), bench.table));
    };
    about_table(
        "INSERT INTO t (id, message, created_at, run_id, sequence, producer) "
        "OVERRIDING SYSTEM VALUE VALUES (41, 'x', now(), 5, 6, 0)");
    about_table("ALTER TABLE t ALTER id RESTART 41");
    about_table("SELECT nextval(pg_get_serial_sequence('t', 'id'))");
    if (!one.more.empty()) about_table(one.more);
    target->run_log()->start(
        {.run_id = bench.run, .app_version = "1", .started_at = {}, .config_json = "{}"});
    const bool is_noted =
        contains(target->run_log()->find(bench.run)->config_json, "last_row_before");
    CHECK(is_noted == one.is_noted);
  }
}

TEST_CASE("postgres: a partitioned ledger is refused, for its conflicts name a partition") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  bench.use_own_schema();
  sql(bench.db,
      "CREATE TABLE loadgen_ledger (run_id bigint, frame bigint, rows integer, "
      "PRIMARY KEY (run_id, frame)) PARTITION BY HASH (run_id)");
  sql(bench.db,
      "CREATE TABLE part PARTITION OF loadgen_ledger FOR VALUES WITH (MODULUS 1, REMAINDER 0)");
  CHECK(contains(bench.error_of_open(), "table loadgen_ledger does not fit: it is partitioned"));
}

TEST_CASE("postgres: a frame whose row the ledger does not take is not stored, and ends the run") {
  PostgresBench bench;
  if (!bench.is_there()) return;
  bench.use_own_schema();
  const auto target = bench.target();
  target->open();
  sql(bench.db,
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$");
  sql(bench.db,
      "CREATE TRIGGER t BEFORE INSERT ON loadgen_ledger FOR EACH ROW EXECUTE FUNCTION f()");
  const auto frame = some_messages(2);
  const WriteResult result = target->connect({bench.run, {}}, {})->write({frame});
  CHECK(result.outcome == WriteOutcome::kNotWritten);
  CHECK(result.error.code == "row_count");
  CHECK(result.error.error_class == ErrorClass::kFatal);
  CHECK(contains(result.error.message, "loadgen_ledger"));
  CHECK(sql(bench.db, "SELECT count(*) FROM " + bench.table) == SqlRows{{"0"}});
}
