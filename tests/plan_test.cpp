#include "plan/plan.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "base/error.h"
#include "support/fake_clock.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

Plan plan_of(const Options& options) {
  const FakeClock clock;
  return make_plan(options, clock);
}

// The line the user gets; empty when nothing was wrong.
std::string error_of(const Options& options) {
  try {
    plan_of(options);
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

std::string table_error(const std::string& table) {
  Options options;
  options.table = table;
  return error_of(options);
}

}  // namespace

TEST_CASE("plan: the options' rate, duration and count become the schedule") {
  Options options;
  options.rps = 100;
  options.duration = 2s;
  const Plan by_duration = plan_of(options);
  CHECK(by_duration.schedule.paced());
  CHECK(by_duration.schedule.size() == 200);
  CHECK(by_duration.schedule.offset(1) == 10ms);
  options.count = 50;
  CHECK(plan_of(options).schedule.size() == 50);
  options.count.reset();
  options.duration = 0s;
  CHECK(plan_of(options).schedule.size() == Schedule::kUnbounded);
}

TEST_CASE("plan: --rps=max is an unpaced schedule") {
  Options options;
  options.rps.reset();
  options.count = 7;
  const Plan plan = plan_of(options);
  CHECK_FALSE(plan.schedule.paced());
  CHECK(plan.schedule.size() == 7);
  CHECK(plan.schedule.end() == 10s);
}

TEST_CASE("plan: the options are kept as they were given") {
  Options options;
  options.table = "events";
  options.producers = 3;
  options.db = "null:";
  const Plan plan = plan_of(options);
  CHECK(plan.options.table == "events");
  CHECK(plan.options.producers == 3);
  CHECK(plan.options.db == "null:");
}

TEST_CASE("plan: a seed that was given is taken, any of 64 bits") {
  Options options;
  for (const std::uint64_t seed :
       {std::uint64_t{0}, std::uint64_t{42}, std::numeric_limits<std::uint64_t>::max()}) {
    options.seed = seed;
    CHECK(plan_of(options).seed == seed);
  }
}

TEST_CASE("plan: a seed that was not given is random, and JSON can carry it exactly") {
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t seed = plan_of({}).seed;
    CHECK(seed < (1ULL << 53U));
    seeds.insert(seed);
  }
  CHECK(seeds.size() > 15);
}

TEST_CASE("plan: run ids rise with the time and differ within a millisecond") {
  FakeClock clock;
  const auto milliseconds = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               clock.wall_now().time_since_epoch())
        .count();
  };
  std::int64_t before = 0;
  for (int i = 0; i < 20; ++i) {
    const std::int64_t id = make_plan({}, clock).run_id;
    CHECK(id > before);
    CHECK((id >> 20) == milliseconds());
    before = id;
    clock.advance(1ms);
  }
  std::set<std::int64_t> ids;
  for (int i = 0; i < 20; ++i) ids.insert(make_plan({}, clock).run_id);
  CHECK(ids.size() > 15);
}

TEST_CASE("plan: what bounds lateness has no meaning without a rate") {
  Options options;
  options.rps.reset();
  options.burst = 5;
  CHECK(error_of(options).starts_with("--burst: "));
  options.burst.reset();
  options.max_lag = 1s;
  CHECK(error_of(options).starts_with("--max-lag: "));
  options.rps = 500;
  options.burst = 5;
  CHECK(error_of(options) == "");
}

TEST_CASE("plan: a table name may be any UTF-8 that a database keeps whole") {
  for (const std::string table :
       {"messages", "t", "Order Lines", "a\"b", "a'b; DROP TABLE x", "schöne_tabelle", "表",
        "\xf0\x9f\x9a\x80", "select", "1", "a.b", "my_loadgen_table", "loadgen"}) {
    CAPTURE(table);
    CHECK(table_error(table) == "");
  }
  CHECK(table_error(std::string(63, 'x')) == "");
}

TEST_CASE("plan: a table name that a database would cut off is refused") {
  const std::string error = table_error(std::string(64, 'x'));
  CHECK(error.starts_with("--table=xxx"));
  CHECK(error.find("63 bytes") != std::string::npos);
  CHECK(table_error(std::string(62, 'x') + "ö") != "");  // 64 bytes in 63 letters
}

TEST_CASE("plan: a table name that is no UTF-8 is refused") {
  for (const std::string table :
       {"\xff", "a\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x9a", "\xc3(", "\xe2\x28\xa1",
        "\xf8\x88\x80\x80\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80"}) {
    const std::string error = table_error(table);
    CAPTURE(error);
    CHECK(error.find("UTF-8") != std::string::npos);
  }
}

TEST_CASE("plan: a table name with control characters is refused in one line") {
  for (const std::string& table :
       {std::string("a\nb"), std::string("a\tb"), std::string("a\0b", 3), std::string("\x1f")}) {
    const std::string error = table_error(table);
    CAPTURE(error);
    CHECK(error.starts_with("--table="));
    CHECK(error.find("control characters") != std::string::npos);
    CHECK(error.find_first_of(std::string("\n\t\0\x1f", 4)) == std::string::npos);
  }
}

TEST_CASE("plan: loadgen's own tables are not the user's") {
  CHECK(table_error("loadgen_runs").starts_with("--table=loadgen_runs: "));
  CHECK(table_error("loadgen_").starts_with("--table=loadgen_: "));
  // SQLite does not tell names apart by case.
  CHECK(table_error("Loadgen_Runs").starts_with("--table=Loadgen_Runs: "));
}
