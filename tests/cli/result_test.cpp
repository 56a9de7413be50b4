#include <doctest/doctest.h>

#include <regex>

#include "cli/app.h"
#include "cli/database.h"

namespace loadgen {
namespace {

struct Key {
  std::string path;
  std::string types;  // n = number, u = whole number >= 0, s = text, b = bool, 0 = null, a = list
};

const std::vector<Key> kKeys{{"/schema_version", "u"},
                             {"/run_id", "s"},
                             {"/started_at", "s"},
                             {"/ended_at", "s"},
                             {"/app_version", "s"},
                             {"/exit_code", "u"},
                             {"/interrupted", "b"},
                             {"/config/producers", "u"},
                             {"/config/consumers", "u"},
                             {"/config/rps", "n0"},
                             {"/config/duration_s", "n"},
                             {"/config/count", "u0"},
                             {"/config/burst", "u0"},
                             {"/config/message_size", "u"},
                             {"/config/seed", "u"},
                             {"/config/seed_text", "s"},
                             {"/config/queue_capacity", "u"},
                             {"/config/on_full", "s"},
                             {"/config/batch_size", "u"},
                             {"/config/linger_ms", "n"},
                             {"/config/db", "s"},
                             {"/config/table", "s"},
                             {"/config/insert", "s"},
                             {"/config/durability", "s"},
                             {"/config/verify", "s"},
                             {"/environment/hostname", "s"},
                             {"/environment/os", "s"},
                             {"/environment/cpu_model", "s"},
                             {"/environment/cpu_count", "u"},
                             {"/environment/database/kind", "s"},
                             {"/environment/database/version", "s"},
                             {"/environment/database/durability", "o"},
                             {"/counts/scheduled", "u"},
                             {"/counts/skipped", "u"},
                             {"/counts/produced", "u"},
                             {"/counts/stored", "u"},
                             {"/counts/dead_lettered", "u"},
                             {"/counts/dropped", "u"},
                             {"/counts/spooled", "u"},
                             {"/counts/unsent", "u"},
                             {"/counts/in_doubt", "u"},
                             {"/counts/retried_frames", "u"},
                             {"/counts/duplicates_suppressed", "u"},
                             {"/rate/target_per_s", "n0"},
                             {"/rate/produced_per_s", "n"},
                             {"/rate/stored_per_s", "n"},
                             {"/rate/sustained", "b0"},
                             {"/rate/sustained_reason", "s0"},
                             {"/time_s/produce", "n"},
                             {"/time_s/drain", "n"},
                             {"/time_s/total", "n"},
                             {"/time_s/oldest_not_stored", "n0"},
                             {"/queue/capacity", "u"},
                             {"/queue/depth_max", "u"},
                             {"/queue/depth_mean", "n"},
                             {"/queue/blocked_s", "n"},
                             {"/batches/count", "u"},
                             {"/batches/rows_mean", "n"},
                             {"/batches/full", "u"},
                             {"/batches/linger", "u"},
                             {"/batches/drain", "u"},
                             {"/client/cpu_user_s", "n"},
                             {"/client/cpu_system_s", "n"},
                             {"/client/max_rss_bytes", "u"},
                             {"/audit/mode", "s"},
                             {"/audit/checked", "u"},
                             {"/audit/lost", "u"},
                             {"/audit/duplicated", "u"},
                             {"/audit/unexpected", "u"},
                             {"/audit/corrupted", "u"},
                             {"/audit/passed", "b0"},
                             {"/errors", "a"},
                             {"/verdict", "s"}};

const std::vector<std::string> kLatencies{"response", "schedule_lag", "queue_wait", "batch_wait",
                                          "write"};

bool has_type(const Json& value, char type) {
  switch (type) {
    case 'n':
      return value.is_number();
    case 'u':
      return value.is_number_unsigned();
    case 's':
      return value.is_string() && !value.get<std::string>().empty();
    case 'b':
      return value.is_boolean();
    case '0':
      return value.is_null();
    case 'a':
      return value.is_array();
    case 'o':
      return value.is_object();
    default:
      return false;
  }
}

void check_keys(const Json& result) {
  for (const auto& key : kKeys) {
    const std::string& path = key.path;  // clang 14 captures no structured bindings
    const std::string& types = key.types;
    CAPTURE(path);
    const Json::json_pointer pointer(path);
    REQUIRE(result.contains(pointer));
    bool fits = false;
    for (const char type : types) fits = fits || has_type(result.at(pointer), type);
    CHECK_MESSAGE(fits, result.at(pointer).dump());
  }
  for (const std::string& name : kLatencies) {
    CAPTURE(name);
    const Json& summary = result.at("latency_us").at(name);
    CHECK(summary.at("count").is_number_unsigned());
    CHECK(summary.at("stddev").get<double>() >= 0);
    double last = summary.at("min").get<double>();
    CHECK(last >= 0);
    for (const char* level : {"p50", "p90", "p95", "p99", "p99_9", "p99_99", "max"}) {
      CHECK(summary.at(level).get<double>() >= last);
      last = summary.at(level).get<double>();
    }
    CHECK(summary.at("mean").get<double>() >= summary.at("min").get<double>());
    CHECK(summary.at("mean").get<double>() <= summary.at("max").get<double>());
  }
}

void check_parts_sum_up(const Json& result) {
  const Json& latency = result.at("latency_us");
  const auto mean = [&](const std::string& name) {
    CHECK(latency.at(name).at("count") == latency.at("response").at("count"));
    return latency.at(name).at("mean").get<double>();
  };
  const double parts =
      mean("schedule_lag") + mean("queue_wait") + mean("batch_wait") + mean("write");
  CHECK(parts == doctest::Approx(mean("response")).epsilon(0.001));
}

}  // namespace

TEST_CASE("result: every promised key is there with its type, and the parts add up") {
  SqliteDatabase database;
  const Finished run = AppRun({"--rps=1000", "--count=500", "--producers=3", "--consumers=2",
                               "--db=" + database.address(), "--seed=18446744073709551615"})
                           .finish();
  check_all_stored(run, 500);
  const Json& json = run.json;
  check_keys(json);
  check_parts_sum_up(json);

  CHECK(json.at("schema_version") == 1);
  CHECK(std::regex_match(json.at("run_id").get<std::string>(), std::regex("[1-9]\\d*")));
  CHECK(json.at("interrupted") == false);
  CHECK(json.at("config").at("producers") == 3);
  CHECK(json.at("config").at("consumers") == 2);
  CHECK(json.at("config").at("rps") == 1000);
  CHECK(json.at("config").at("seed") == 18446744073709551615U);
  CHECK(json.at("config").at("db") == database.address());
  CHECK(json.at("environment").at("database").at("kind") == "sqlite");
  CHECK(json.at("rate").at("target_per_s") == 1000);
  CHECK(json.at("audit").at("checked") == 500);
  const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))");
  CHECK(std::regex_match(json.at("started_at").get<std::string>(), time));
  CHECK(std::regex_match(json.at("ended_at").get<std::string>(), time));
  CHECK(json.at("started_at") <= json.at("ended_at"));

  const Json& batches = json.at("batches");
  const std::uint64_t frames = batches.at("count");
  CHECK(frames == batches.at("full").get<std::uint64_t>() +
                      batches.at("linger").get<std::uint64_t>() +
                      batches.at("drain").get<std::uint64_t>());
  CHECK(batches.at("rows_mean").get<double>() * static_cast<double>(frames) ==
        doctest::Approx(500));
}

TEST_CASE("result on Postgres: every promised key is there with its type, and the parts add up") {
  const auto database = postgres_database();
  if (!database) return;
  const Finished run =
      AppRun({"--rps=max", "--count=5000", "--db=" + database->address()}).finish();
  check_all_stored(run, 5000);
  check_keys(run.json);
  check_parts_sum_up(run.json);
  CHECK(run.json.at("environment").at("database").at("kind") == "postgres");
}

TEST_CASE("result: what was not asked for is null, and text that is not UTF-8 breaks nothing") {
  const TempDir directory;
  const ProcessResult result =
      run_app({"--rps=max", "--count=5", "--db=sqlite:\xff.db", "--json=-"}, directory.path());
  REQUIRE(result.exit_code == 0);
  const Json json = Json::parse(result.out);
  check_keys(json);
  for (const char* name : {"rps", "burst"}) CHECK(json.at("config").at(name).is_null());
}

TEST_CASE("result: the verdict says whether the rate was sustained") {
  const Finished run = AppRun({"--rps=200", "--duration=1s", "--db=null:"}).finish();
  CHECK(run.json.at("rate").at("sustained") == true);
  CHECK(run.json.at("rate").at("sustained_reason").is_null());
  CHECK(contains(run.json.at("verdict").get<std::string>(), "sustained"));
  CHECK(contains(run.process.out, "sustained"));
}

TEST_CASE("result: of a run too short to tell, nothing is said of its rate") {
  const Finished run = AppRun({"--rps=200", "--count=20", "--db=null:"}).finish();
  CHECK(run.json.at("rate").at("sustained").is_null());
  CHECK(contains(run.json.at("rate").at("sustained_reason").get<std::string>(), "too short"));
  CHECK(contains(run.process.out, "cannot be told"));
}

TEST_CASE("result: a table that a crash would empty is warned about") {
  const auto database = postgres_database();
  if (!database) return;
  create_tables(*database, "postgres.sql", "messages");
  const auto durability = [&] {
    const Finished run = AppRun({"--rps=max", "--count=5", "--db=" + database->address()}).finish();
    const bool unlogged =
        run.json.at("environment").at("database").at("durability").at("table") == "unlogged";
    CHECK(contains(run.process.out, "table is unlogged") == unlogged);
    return unlogged;
  };
  CHECK_FALSE(durability());
  database->execute("ALTER TABLE messages SET UNLOGGED");
  CHECK(durability());
}

TEST_CASE("result: durability is what the database says it is") {
  SqliteDatabase database;
  const auto setting = [](const Database& db, const std::string& level, const char* name) {
    const Finished run =
        AppRun({"--rps=max", "--count=10", "--db=" + db.address(), "--durability=" + level})
            .finish();
    check_all_stored(run, 10);
    CHECK(run.json.at("config").at("durability") == level);
    return run.json.at("environment").at("database").at("durability").at(name).get<std::string>();
  };
  CHECK(setting(database, "full", "synchronous") == "full");
  CHECK(setting(database, "relaxed", "synchronous") == "normal");
  CHECK(setting(database, "relaxed", "journal_mode") == "wal");
  const auto postgres = postgres_database();
  if (!postgres) return;
  CHECK(setting(*postgres, "full", "synchronous_commit") == "on");
  CHECK(setting(*postgres, "relaxed", "synchronous_commit") == "off");
}

TEST_CASE("result: the audit is as thorough as --verify says") {
  SqliteDatabase database;
  for (const std::string mode : {"off", "count", "full"}) {
    CAPTURE(mode);
    const Finished run =
        AppRun({"--rps=max", "--count=100", "--db=" + database.address(), "--verify=" + mode})
            .finish();
    CHECK(run.process.exit_code == 0);
    check_accounts(run);
    const Json& audit = run.json.at("audit");
    CHECK(audit.at("mode") == mode);
    CHECK(audit.at("checked") == (mode == "off" ? 0 : 100));
    CHECK(audit.at("passed") == (mode == "off" ? Json(nullptr) : Json(true)));
  }
}

TEST_CASE("result: a result file replaces an older one, and nothing else is left beside it") {
  const TempDir directory;
  write_file(directory.file("r.json"), "old");
  const ProcessResult result =
      run_app({"--rps=max", "--count=5", "--db=null:", "--json=r.json"}, directory.path());
  CHECK(result.exit_code == 0);
  CHECK(Json::parse(read_file(directory.file("r.json"))).at("counts").at("stored") == 5);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    ++files;
  }
  CHECK(files == 1);
}

}  // namespace loadgen
