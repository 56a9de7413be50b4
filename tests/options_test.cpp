#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "options/parse_options.h"
#include "sink/make_target.h"
#include "support/fake_clock.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

using Arguments = std::vector<std::string>;
constexpr std::uint64_t kMostMessages = 1'000'000'000'000'000;

// APP_DB for the length of a test; nullptr = not set.
class AppDb {
 public:
  explicit AppDb(const char* value) {
    if (const char* before = std::getenv("APP_DB")) before_ = before;
    set(value);
  }
  AppDb(const AppDb&) = delete;
  AppDb& operator=(const AppDb&) = delete;
  ~AppDb() { set(before_ ? before_->c_str() : nullptr); }

 private:
  static void set(const char* value) {
    value == nullptr ? unsetenv("APP_DB") : setenv("APP_DB", value, 1);
  }
  std::optional<std::string> before_;
};

Command parse(const Arguments& arguments) {
  std::vector<const char*> argv{"app"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

Options options_of(const Arguments& arguments) { return std::get<Options>(parse(arguments)); }

std::string text_of(const Arguments& arguments) {
  return std::get<ShowText>(parse(arguments)).text;
}

// The line the user gets; empty when nothing was wrong.
std::string error_of(const Arguments& arguments) {
  try {
    FakeClock clock;
    const auto parsed = parse(arguments);
    if (const auto* options = std::get_if<Options>(&parsed)) make_target(*options, clock);
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// As it would be typed, for messages.
std::string line(const Arguments& arguments) {
  std::string text = "app";
  for (const std::string& argument : arguments) text += " \"" + argument + '"';
  return text;
}

void check_one_line(std::string_view error) {
  CHECK_FALSE(error.empty());
  CHECK(std::none_of(error.begin(), error.end(), [](char c) { return c >= 0 && c < ' '; }));
}

// From the row of a flag to the row of the next one.
std::string help_of(const std::string& help, const std::string& flag) {
  const std::size_t begin = help.find("\n  " + flag + " ");
  if (begin == std::string::npos) return "";
  return help.substr(begin + 1, help.find("\n  -", begin + 1) - begin);
}

template <typename Field>
void good(const std::string& flag, Field Options::*field,
          const std::vector<std::pair<std::string, Field>>& cases) {
  for (const auto& c : cases) {
    CAPTURE(flag);
    CAPTURE(c.first);
    CHECK(options_of({flag + "=" + c.first}).*field == c.second);
    CHECK(options_of({flag, c.first}).*field == c.second);
    CHECK(options_of({"run", flag, c.first, "--quiet"}).*field == c.second);
  }
}

}  // namespace

TEST_CASE("options: every good value, as --option=value and as --option value") {
  good("--producers", &Options::producers, {{"1", 1}, {"1024", 1024}, {"1k", 1000}});
  good("--consumers", &Options::consumers, {{"1", 1}, {"1024", 1024}, {"0.5k", 500}});
  good("--rps", &Options::rps,
       {{"0.1", 0.1}, {"333.3", 333.3}, {"1.5M", 1.5e6}, {"1000000000", 1e9}, {"max", {}}});
  good("--duration", &Options::duration, {{"0", 0s}, {"1m30s", 90s}, {"365d", 365 * 24h}});
  good("--count", &Options::count, {{"1", 1}, {"10k", 10'000}, {"1000000G", kMostMessages}});
  good("--burst", &Options::burst, {{"1", 1}, {"10k", 10'000}, {"1000000G", kMostMessages}});
  good("--max-lag", &Options::max_lag, {{"1ns", 1ns}, {"250ms", 250ms}, {"2", 2s}});
  good("--message-size", &Options::message_size,
       {{"1", 1}, {"256", 256}, {"64B", 64}, {"0.25KiB", 256}});
  good("--seed", &Options::seed,
       {{"0", 0}, {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()}});
  good("--queue-capacity", &Options::queue_capacity, {{"1", 1}, {"100M", 100'000'000}});
  good("--on-full", &Options::on_full,
       {{"block", OnFull::kBlock},
        {"drop-new", OnFull::kDropNew},
        {"drop-old", OnFull::kDropOld},
        {"abort", OnFull::kAbort},
        {"spill", OnFull::kSpill}});
  good("--batch-size", &Options::batch_size, {{"1", 1}, {"100k", 100'000}});
  good("--linger", &Options::linger, {{"0", 0ns}, {"1.5s", 1500ms}});
  good("--db", &Options::db, {{"null:", "null:"}, {"host=h dbname='a b'", "host=h dbname='a b'"}});
  good("--table", &Options::table, {{"events", "events"}, {"[a, b]=\"c\"", "[a, b]=\"c\""}});
  good("--insert", &Options::insert,
       {{"auto", InsertMethod::kAuto},
        {"copy", InsertMethod::kCopy},
        {"multi", InsertMethod::kMulti},
        {"unnest", InsertMethod::kUnnest},
        {"single", InsertMethod::kSingle}});
  good("--durability", &Options::durability,
       {{"full", Durability::kFull}, {"relaxed", Durability::kRelaxed}});
  good("--drain-timeout", &Options::drain_timeout, {{"0", 0s}, {"1m", 60s}});
  good("--verify", &Options::verify,
       {{"off", VerifyMode::kOff}, {"count", VerifyMode::kCount}, {"full", VerifyMode::kFull}});
  good("--json", &Options::json, {{"-", "-"}, {"a b.json", "a b.json"}});
  good("--progress", &Options::progress, {{"off", {}}, {"10ms", 10ms}, {"1m", 60s}});
  good("--log-level", &Options::log_level,
       {{"debug", LogLevel::kDebug},
        {"info", LogLevel::kInfo},
        {"warn", LogLevel::kWarn},
        {"error", LogLevel::kError},
        {"off", LogLevel::kOff}});
  CHECK(options_of({"--quiet"}).quiet);
  CHECK_FALSE(options_of({}).quiet);
}

TEST_CASE("options: every bad value gets one line with the flag, the value and what is allowed") {
  struct Case {
    std::string flag;
    std::string allowed;
    std::vector<std::string> values;
  };
  const Case cases[] = {
      {"--producers", "1 to 1024", {"0", "1025", "-1", "1.5", "ten", "1e3", "4294967297", "inf"}},
      {"--consumers", "1 to 1024", {"0", "1025", "2..8", "18446744073709551617", " 5", "5 "}},
      {"--rps", "max", {"0", "-5", "nan", "inf", "1e5", "2G", "500/s", "abc", "MAX", "1000000001"}},
      {"--duration",
       "1m30s",
       {"-1", "1x", "30s1m", "366d", "nan", "inf", "1e3", "10 s", "forever"}},
      {"--count",
       "1 to 1000000G",
       {"0", "-1", "0.5", "1000000000000001", "99999999999999999999", "x"}},
      {"--burst", "1 to 1000000G", {"0", "-1", "nan", "1000000000000001"}},
      {"--max-lag", "above 0", {"0", "0ms", "-1s", "x", "366d"}},
      {"--message-size", "1 to 256", {"0", "257", "1KiB", "-64", "64k", "18446744073709551680"}},
      {"--seed", "18446744073709551615", {"-1", "18446744073709551616", "1k", "0x1", "random"}},
      {"--queue-capacity", "1 to 100M", {"0", "100000001", "-1", "10GB"}},
      {"--on-full",
       "block, drop-new, drop-old, abort or spill",
       {"drop", "Block", "disk", " block", "block "}},
      {"--batch-size", "1 to 100000", {"0", "100001", "-500", "4294967796"}},
      {"--linger", "5ms", {"-5ms", "5k", "x"}},
      {"--insert", "auto, copy, multi, unnest or single", {"COPY", "bulk", "0"}},
      {"--durability", "full or relaxed", {"none", "FULL", "1"}},
      {"--delivery", "exactly-once or at-least-once", {"once", "Exactly-Once", "at-most-once"}},
      {"--retries", "0 to 1G", {"-1", "1.5", "1000000001", "unlimited"}},
      {"--retry-delay",
       "50ms,10s",
       {"50ms", "50ms,", ",10s", "0,10s", "10s,50ms", "1s,2s,3s", "-1s,1s", "x,y"}},
      {"--timeout", "above 0", {"0", "-1s", "366d", "x"}},
      {"--connect-wait", "10s", {"-1s", "366d", "x"}},
      {"--max-dead-letters", "0 to", {"-1", "0.5", "1000000000000001"}},
      {"--breaker", "on or off", {"half-open", "ON", "true"}},
      {"--drain-timeout", "20s", {"-20s", "x", "366d"}},
      {"--verify", "off, count or full", {"on", "Count", "yes"}},
      {"--progress", "off or a duration from 10ms to 365d", {"0", "9ms", "-1s", "on", "never"}},
      {"--log-level", "debug, info, warn, error or off", {"trace", "INFO", "2"}},
      {"--db", "sqlite:PATH", {"messages.db", "mysql:x", "SQLITE:x"}},
  };
  const AppDb unset(nullptr);
  for (const Case& c : cases) {
    for (const std::string& value : c.values) {
      CAPTURE(c.flag);
      CAPTURE(value);
      const std::string error = error_of({c.flag + "=" + value});
      CAPTURE(error);
      check_one_line(error);
      CHECK(error.starts_with(c.flag + "=" + value));
      CHECK(contains(error, c.allowed));
      CHECK(error_of({c.flag, value}) == error);
      CHECK(error_of({"run", c.flag, value, "--quiet"}) == error);
    }
  }
}

TEST_CASE("options: an empty value is a bad value of every option, not a default") {
  for (const std::string flag :
       {"--producers", "--consumers",  "--rps",           "--duration", "--count",
        "--burst",     "--max-lag",    "--message-size",  "--seed",     "--queue-capacity",
        "--on-full",   "--batch-size", "--linger",        "--db",       "--table",
        "--insert",    "--durability", "--drain-timeout", "--verify",   "--json",
        "--progress",  "--log-level",  "--spool",         "--unsent"}) {
    for (const Arguments& arguments :
         {Arguments{flag + "="}, Arguments{flag, ""}, Arguments{flag + "=", "--quiet"},
          Arguments{"--db=null:", flag, ""}}) {
      CAPTURE(line(arguments));
      const std::string error = error_of(arguments);
      CAPTURE(error);
      check_one_line(error);
      CHECK(error.starts_with(flag));
      CHECK(contains(error, "expected "));
    }
  }
}

TEST_CASE("options: a value that is missing is named") {
  for (const std::string flag : {"--producers", "--rps", "--db", "--json", "--on-full"}) {
    const std::string error = error_of({"--quiet", flag});
    CAPTURE(error);
    check_one_line(error);
    CHECK(contains(error, flag));
    const std::string swallowed = error_of({flag, "--quiet"});
    CHECK(swallowed.starts_with(flag + "=--quiet: expected "));
  }
}

TEST_CASE("options: a value with line breaks still gives one line") {
  const std::string error = error_of({"--producers", "1\n2\x1b[31m"});
  check_one_line(error);
  CHECK(contains(error, "--producers=1; 2?[31m"));
}

TEST_CASE("options: a switch takes no other value than yes or no") {
  const std::string error = error_of({"--quiet=maybe"});
  check_one_line(error);
  CHECK(contains(error, "--quiet"));
  CHECK(contains(error, "maybe"));
}

TEST_CASE("options: an option given twice takes the last value") {
  CHECK(options_of({"--rps=1", "--rps=2"}).rps == 2);
  CHECK(options_of({"--rps", "1", "--producers=3", "--rps", "max"}).rps == std::nullopt);
  CHECK(options_of({"--table=a", "--table=b"}).table == "b");
  CHECK(options_of({"--verify=off", "--verify=full"}).verify == VerifyMode::kFull);
}

TEST_CASE("options: run is the default command and changes nothing") {
  for (const Arguments& arguments : {Arguments{}, Arguments{"run"}}) {
    const Options options = options_of(arguments);
    CHECK(options.producers == 10);
    CHECK(options.consumers == 5);
    CHECK(options.rps == 500);
    CHECK(options.duration == 10s);
  }
  const Options options =
      options_of({"run", "--producers=1", "--consumers=2", "--rps=3", "--duration=4"});
  CHECK(options.producers == 1);
  CHECK(options.consumers == 2);
  CHECK(options.rps == 3);
  CHECK(options.duration == 4s);
  CHECK(std::get<Options>(parse_options(0, nullptr)).producers == 10);
}

TEST_CASE("options: replay takes a file, and the options of the database and of delivery alone") {
  const auto parsed = parse({"replay", "dead.jsonl", "--db=sqlite:x.db", "--retries=2"});
  const Replay replay = std::get<Replay>(parsed);
  CHECK(replay.file == "dead.jsonl");
  CHECK(replay.options.db == "sqlite:x.db");
  CHECK(replay.options.retries == 2);
  CHECK(!replay.table);  // the one each run wrote to
  CHECK(std::get<Replay>(parse({"replay", "a", "--table=mine"})).table == "mine");
  CHECK(contains(error_of({"replay"}), "expected one dead-letter file"));
  CHECK(contains(error_of({"replay", "a", "b"}), "expected one dead-letter file"));
  CHECK(contains(error_of({"replay", "a", "--rps=5"}), "--rps: unknown option"));
  CHECK(contains(text_of({"replay", "--help"}), "app replay FILE"));
}

TEST_CASE("options: verify takes a database and a run") {
  CHECK_FALSE(std::get<Verify>(parse({"verify"})).run_id.has_value());
  const Verify verify = std::get<Verify>(parse({"verify", "--db=sqlite:x.db", "--run", "77"}));
  CHECK(verify.run_id == 77);
  CHECK(verify.options.db == "sqlite:x.db");
  CHECK(verify.options.verify == VerifyMode::kFull);
  CHECK(contains(error_of({"verify", "--run=x"}), "--run=x: expected the number of a run"));
  CHECK(contains(error_of({"verify", "--verify=off"}), "--verify=off: expected count or full"));
  CHECK(contains(error_of({"verify", "--rps=5"}), "--rps: unknown option"));
}

TEST_CASE("options: an unknown command is refused and run is named") {
  for (const Arguments& arguments : {Arguments{"Run"}, Arguments{"help"},
                                     Arguments{"--rps=5", "go"}, Arguments{"run", "fast"}}) {
    CAPTURE(line(arguments));
    const std::string error = error_of(arguments);
    CAPTURE(error);
    check_one_line(error);
    CHECK(contains(error, "run"));
    CHECK(contains(error, "--help"));
  }
  CHECK(error_of({"compare"}).starts_with("compare: unknown command"));
}

TEST_CASE("options: an unknown option is refused and the nearest one suggested") {
  const std::pair<std::string, std::string> cases[] = {{"--prodcers=3", "--producers"},
                                                       {"--producer", "--producers"},
                                                       {"--rsp=5", "--rps"},
                                                       {"--Rps=5", "--rps"},
                                                       {"-rps=5", "--rps"},
                                                       {"--bach-size=1", "--batch-size"},
                                                       {"--batchsize=1", "--batch-size"},
                                                       {"--messages-size=1", "--message-size"},
                                                       {"--durations=1", "--duration"},
                                                       {"--seeds=1", "--seed"},
                                                       {"--onfull=block", "--on-full"},
                                                       {"--loglevel=info", "--log-level"},
                                                       {"--quite", "--quiet"},
                                                       {"--hlep", "--help"},
                                                       {"--versoin", "--version"},
                                                       {"--drain-time=1", "--drain-timeout"}};
  for (const auto& c : cases) {
    CAPTURE(c.first);
    const std::string error = error_of({c.first});
    CAPTURE(error);
    check_one_line(error);
    CHECK(error.starts_with(c.first.substr(0, c.first.find('='))));
    CHECK(contains(error, "did you mean " + c.second + "?"));
  }
}

TEST_CASE("options: delivery is exactly once unless told otherwise, and never gives up by itself") {
  const Options none = options_of({});
  CHECK(none.delivery == Delivery::kExactlyOnce);
  CHECK_FALSE(none.retries.has_value());
  CHECK(none.retry_delay.shortest == 50ms);
  CHECK(none.retry_delay.longest == 10s);
  CHECK(none.timeout == 30s);
  CHECK(none.connect_wait == 10s);
  CHECK(none.dead_letter == "dead-letter.jsonl");
  CHECK(none.max_dead_letters == 10'000);
  CHECK(none.breaker == Breaker::kOn);
  const Options all =
      options_of({"--delivery=at-least-once", "--retries=7", "--retry-delay=5ms,1s", "--timeout=3s",
                  "--connect-wait=0", "--dead-letter=x", "--max-dead-letters=0", "--breaker=off"});
  CHECK(all.delivery == Delivery::kAtLeastOnce);
  CHECK(all.retries == 7);
  CHECK(all.retry_delay.shortest == 5ms);
  CHECK(all.retry_delay.longest == 1s);
  CHECK(all.timeout == 3s);
  CHECK(all.connect_wait == 0s);
  CHECK(all.dead_letter == "x");
  CHECK(all.max_dead_letters == 0);
  CHECK(all.breaker == Breaker::kOff);
}

TEST_CASE("options: what is not built yet is unknown, never accepted and ignored") {
  for (const std::string flag : {"--config=f", "--listen=:80"}) {
    CAPTURE(flag);
    CHECK(contains(error_of({flag}), "unknown option"));
  }
}

TEST_CASE("options: help fits 100 columns and says how to use the program once") {
  for (const Arguments& arguments : {Arguments{"--help"}, Arguments{"-h"},
                                     Arguments{"run", "--help"}, Arguments{"--rps=5", "--help"}}) {
    std::istringstream help(text_of(arguments));
    int usages = 0;
    for (std::string row; std::getline(help, row);) {
      CAPTURE(row);
      CHECK(row.size() <= 100);
      usages += contains(row, "Usage:") ? 1 : 0;
    }
    CHECK(usages == 1);
  }
}

TEST_CASE("options: help names the options that have no default") {
  const std::string help = text_of({"--help"});
  for (const std::string flag : {"--count", "--max-lag", "--json", "--quiet", "--version"}) {
    CAPTURE(flag);
    const std::string row = help_of(help, flag);
    CHECK_FALSE(row.empty());
    CHECK_FALSE(contains(row, "(default:"));
  }
  CHECK(contains(help, "--help"));
  CHECK(contains(help, "APP_DB"));
}

TEST_CASE("options: --version is one line with the name and the version") {
  const std::string text = text_of({"--version"});
  CHECK(text.starts_with("app "));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK(text.back() == '\n');
  CHECK(text.find_first_of("0123456789") != std::string::npos);
  CHECK(text_of({"run", "--version"}) == text);
}

TEST_CASE("options: APP_DB sets --db, and the flag beats it") {
  const AppDb from_environment("null:");
  CHECK(options_of({}).db == "null:");
  CHECK(options_of({"--db=sqlite:x.db"}).db == "sqlite:x.db");
  CHECK(options_of({"--db", "sqlite:x.db"}).db == "sqlite:x.db");
  CHECK(error_of({"--db="}) != "");  // the flag was given: not a case for the environment
}

TEST_CASE("options: without APP_DB, or with an empty one, the default holds") {
  for (const char* value : {static_cast<const char*>(nullptr), ""}) {
    const AppDb app_db(value);
    CHECK(options_of({}).db == "sqlite:messages.db");
  }
}

TEST_CASE("options: a bad address never shows its password") {
  for (const std::string address :
       {"postgre://user:SECRET@host/db", "mysql://user:SECRET@host/db", "user:SECRET@host",
        "postgres:/user:SECRET@host/db", "POSTGRES://user:SECRET@host/db",
        "hosst=h password=SECRET", "host=h password='SECRET", "host=h password=SECRET stray",
        "postgres://user:SECRET@host:port:port/db", "postgres://user:SECRET@host/db?nonsense=1"}) {
    CAPTURE(address);
    const AppDb unset(nullptr);
    for (const Arguments& arguments :
         {Arguments{"--db=" + address}, Arguments{"--db", address}, Arguments{"--dbs=" + address},
          Arguments{"-d" + address}, Arguments{address}, Arguments{"--rps=" + address},
          Arguments{"--producers", "--db=" + address}, Arguments{"--quiet=" + address}}) {
      const std::string error = error_of(arguments);
      CAPTURE(error);
      CHECK_FALSE(contains(error, "SECRET"));
    }
    const AppDb from_environment(address.c_str());
    const std::string error = error_of({});
    CAPTURE(error);
    CHECK_FALSE(contains(error, "SECRET"));
  }
}

TEST_CASE("options: the help does not show what APP_DB holds") {
  const AppDb from_environment("postgres://user:SECRET@host/db");
  CHECK_FALSE(contains(text_of({"--help"}), "SECRET"));
}
