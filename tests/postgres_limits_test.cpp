// Every session of a Postgres target ends: when nothing is heard for --timeout, and by interrupt().

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "sink/make_target.h"
#include "support/postgres.h"
#include "support/silent_server.h"
#include "support/sql.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

struct Bench {
  explicit Bench(std::string db, nanoseconds timeout = 30s) {
    options.db = std::move(db);
    options.table = unique_table();
    options.timeout = timeout;
    target = make_target(options, clock);
  }

  SteadyClock clock;
  Options options;
  std::unique_ptr<Target> target;
};

// What await_database() looks at; "setup": an error that is not to be tried again.
template <typename Action>
WriteError error_of(Action action) {
  try {
    action();
  } catch (const ConnectError& error) {
    return error.error();
  } catch (const SetupError& error) {
    return {.code = "setup", .message = error.what()};
  }
  return {};
}

}  // namespace

TEST_CASE("postgres: a server that never answers is given up after --timeout, whatever was asked") {
  const SilentServer server;
  Bench bench(server.postgres_address(), 100ms);
  const auto is_given_up = [](const WriteError& error) {
    CHECK(error.code == "timeout");
    CHECK(error.message == "the server did not answer within 100ms (--timeout)");
    CHECK(error.error_class == ErrorClass::kOutage);
  };
  is_given_up(error_of([&] { bench.target->open(); }));
  is_given_up(error_of([&] { bench.target->run_log()->find(1); }));
  is_given_up(error_of([&] { bench.target->run_log()->start({}); }));
  is_given_up(error_of([&] { bench.target->run_log()->end(1, {}, "{}"); }));
  is_given_up(error_of([&] {
    bench.target->rows()->read_back(1, RowContent::kTexts, [](const StoredRow&) { return true; });
  }));
}

TEST_CASE("postgres: interrupt() ends what hears nothing, and all that comes later") {
  const SilentServer server;
  Bench bench(server.postgres_address(), 1h);
  WriteError error;
  {
    const std::jthread opener([&] { error = error_of([&] { bench.target->open(); }); });
    bench.target->interrupt();
  }
  CHECK(error.code == "setup");  // not to be tried again
  CHECK(error.message.ends_with(": interrupted"));
  CHECK(error_of([&] { bench.target->run_log()->find(1); }).message.ends_with(": interrupted"));
}

TEST_CASE("postgres: interrupt() ends a statement under way") {
  const auto db = test_postgres();
  if (!db) return;
  Bench bench(*db, 1h);
  bench.target->open();
  const std::string name = "f" + bench.options.table;
  sql(*db, "CREATE FUNCTION " + name +
               "() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN "
               "true; END $$");
  sql(*db, "CREATE VIEW v" + bench.options.table + " AS SELECT * FROM " + bench.options.table +
               " WHERE " + name + "()");
  sql(*db, "INSERT INTO " + bench.options.table +
               " (message, created_at, run_id, sequence, producer) VALUES ('', now(), 1, 1, 1)");
  bench.options.table = "v" + bench.options.table;
  bench.target = make_target(bench.options, bench.clock);
  WriteError error;
  {
    const std::jthread reader([&] {
      error = error_of([&] {
        bench.target->rows()->read_back(1, RowContent::kTexts,
                                        [](const StoredRow&) { return true; });
      });
    });
    while (sql(*db, "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE relation = '" +
                        bench.options.table + "'::regclass AND wait_event = 'PgSleep'")
               .empty()) {
      std::this_thread::sleep_for(5ms);
    }
    bench.target->interrupt();
  }
  CHECK(error.message.ends_with(": interrupted"));
}

TEST_CASE("postgres: a session lost while reading back is an outage, so that it is tried again") {
  const auto db = test_postgres();
  if (!db) return;
  Bench bench(*db);
  bench.options.db = *db + "&application_name=" + bench.options.table;
  bench.target = make_target(bench.options, bench.clock);
  bench.target->open();
  sql(*db, "INSERT INTO " + bench.options.table +
               " (message, created_at, run_id, sequence, producer) VALUES ('', now(), 1, 1, 1)");
  const WriteError error = error_of([&] {
    bench.target->rows()->read_back(1, RowContent::kTexts, [&](const StoredRow&) {
      CHECK(sql(*db,
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE "
                "application_name = '" +
                    bench.options.table + "'") == SqlRows{{"t"}});
      return true;
    });
  });
  CHECK(error.error_class == ErrorClass::kOutage);
  CHECK(error.code == "08006");
}

TEST_CASE("postgres: a run's start may be recorded again, but not over another's") {
  const auto db = test_postgres();
  if (!db) return;
  Bench bench(*db);
  bench.target->open();
  RunRecord record{
      .run_id = unique_run(), .app_version = "1", .started_at = {}, .config_json = "{}"};
  bench.target->run_log()->start(record);
  bench.target->run_log()->start(record);
  record.started_at += 1s;
  const WriteError error = error_of([&] { bench.target->run_log()->start(record); });
  CHECK(error.message.ends_with(
      "run " + std::to_string(record.run_id) +
      " could not be recorded: another run has its number, or a trigger dropped the row"));
}
