#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
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
using Holds = std::function<bool(const Options&)>;

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

std::variant<Options, ShowText> parse(const Arguments& arguments) {
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

}  // namespace

TEST_CASE("options: every good value, as --option=value and as --option value") {
  struct Case {
    std::string flag;
    std::string value;
    Holds holds;
  };
  const Case cases[] = {
      {"--producers", "1", [](const Options& o) { return o.producers == 1; }},
      {"--producers", "1024", [](const Options& o) { return o.producers == 1024; }},
      {"--producers", "1k", [](const Options& o) { return o.producers == 1000; }},
      {"--consumers", "1", [](const Options& o) { return o.consumers == 1; }},
      {"--consumers", "1024", [](const Options& o) { return o.consumers == 1024; }},
      {"--rps", "0.1", [](const Options& o) { return o.rps == 0.1; }},
      {"--rps", "333.3", [](const Options& o) { return o.rps == 333.3; }},
      {"--rps", "1.5M", [](const Options& o) { return o.rps == 1.5e6; }},
      {"--rps", "1000000000", [](const Options& o) { return o.rps == 1e9; }},
      {"--rps", "max", [](const Options& o) { return !o.rps; }},
      {"--duration", "0", [](const Options& o) { return o.duration == 0s; }},
      {"--duration", "1m30s", [](const Options& o) { return o.duration == 90s; }},
      {"--duration", "365d", [](const Options& o) { return o.duration == 365 * 24h; }},
      {"--count", "1", [](const Options& o) { return o.count == 1U; }},
      {"--count", "10k", [](const Options& o) { return o.count == 10'000U; }},
      {"--count", "1000000G", [](const Options& o) { return o.count == 1'000'000'000'000'000U; }},
      {"--burst", "1", [](const Options& o) { return o.burst == 1U; }},
      {"--burst", "1000000G", [](const Options& o) { return o.burst == 1'000'000'000'000'000U; }},
      {"--max-lag", "1ns", [](const Options& o) { return o.max_lag == 1ns; }},
      {"--max-lag", "250ms", [](const Options& o) { return o.max_lag == 250ms; }},
      {"--message-size", "1", [](const Options& o) { return o.message_size == 1; }},
      {"--message-size", "256B", [](const Options& o) { return o.message_size == 256; }},
      {"--message-size", "0.25KiB", [](const Options& o) { return o.message_size == 256; }},
      {"--seed", "0", [](const Options& o) { return o.seed == 0U; }},
      {"--seed", "18446744073709551615",
       [](const Options& o) { return o.seed == std::numeric_limits<std::uint64_t>::max(); }},
      {"--queue-capacity", "1", [](const Options& o) { return o.queue_capacity == 1; }},
      {"--queue-capacity", "100M",
       [](const Options& o) { return o.queue_capacity == 100'000'000; }},
      {"--on-full", "block", [](const Options& o) { return o.on_full == OnFull::kBlock; }},
      {"--on-full", "drop-new", [](const Options& o) { return o.on_full == OnFull::kDropNew; }},
      {"--on-full", "drop-old", [](const Options& o) { return o.on_full == OnFull::kDropOld; }},
      {"--on-full", "abort", [](const Options& o) { return o.on_full == OnFull::kAbort; }},
      {"--batch-size", "1", [](const Options& o) { return o.batch_size == 1; }},
      {"--batch-size", "100k", [](const Options& o) { return o.batch_size == 100'000; }},
      {"--linger", "0", [](const Options& o) { return o.linger == 0ns; }},
      {"--linger", "1.5s", [](const Options& o) { return o.linger == 1500ms; }},
      {"--db", "null:", [](const Options& o) { return o.db == "null:"; }},
      {"--db", "host=h dbname='a b'",
       [](const Options& o) { return o.db == "host=h dbname='a b'"; }},
      {"--table", "events", [](const Options& o) { return o.table == "events"; }},
      {"--table", "[a, b]=\"c\"", [](const Options& o) { return o.table == "[a, b]=\"c\""; }},
      {"--insert", "auto", [](const Options& o) { return o.insert == InsertMethod::kAuto; }},
      {"--insert", "copy", [](const Options& o) { return o.insert == InsertMethod::kCopy; }},
      {"--insert", "multi", [](const Options& o) { return o.insert == InsertMethod::kMulti; }},
      {"--insert", "unnest", [](const Options& o) { return o.insert == InsertMethod::kUnnest; }},
      {"--insert", "single", [](const Options& o) { return o.insert == InsertMethod::kSingle; }},
      {"--durability", "full", [](const Options& o) { return o.durability == Durability::kFull; }},
      {"--durability", "relaxed",
       [](const Options& o) { return o.durability == Durability::kRelaxed; }},
      {"--drain-timeout", "0", [](const Options& o) { return o.drain_timeout == 0s; }},
      {"--drain-timeout", "1m", [](const Options& o) { return o.drain_timeout == 60s; }},
      {"--verify", "off", [](const Options& o) { return o.verify == VerifyMode::kOff; }},
      {"--verify", "count", [](const Options& o) { return o.verify == VerifyMode::kCount; }},
      {"--verify", "full", [](const Options& o) { return o.verify == VerifyMode::kFull; }},
      {"--json", "-", [](const Options& o) { return o.json == "-"; }},
      {"--json", "a b.json", [](const Options& o) { return o.json == "a b.json"; }},
      {"--progress", "off", [](const Options& o) { return !o.progress; }},
      {"--progress", "10ms", [](const Options& o) { return o.progress == 10ms; }},
      {"--log-level", "debug", [](const Options& o) { return o.log_level == LogLevel::kDebug; }},
      {"--log-level", "info", [](const Options& o) { return o.log_level == LogLevel::kInfo; }},
      {"--log-level", "warn", [](const Options& o) { return o.log_level == LogLevel::kWarn; }},
      {"--log-level", "error", [](const Options& o) { return o.log_level == LogLevel::kError; }},
      {"--log-level", "off", [](const Options& o) { return o.log_level == LogLevel::kOff; }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.flag);
    CAPTURE(c.value);
    CHECK(c.holds(options_of({c.flag + "=" + c.value})));
    CHECK(c.holds(options_of({c.flag, c.value})));
    CHECK(c.holds(options_of({"run", c.flag, c.value, "--quiet"})));
  }
  CHECK(options_of({"--quiet"}).quiet);
}

TEST_CASE("options: every bad value gets one line with the flag, the value and what is allowed") {
  struct Case {
    std::string flag;
    std::string allowed;
    std::vector<std::string> values;
  };
  const Case cases[] = {
      {"--producers", "1 to 1024", {"0", "1025", "-1", "1.5", "ten", "1e3", "4294967297", "inf"}},
      {"--consumers", "1 to 1024", {"0", "1025", "2..8", "18446744073709551617", " 5"}},
      {"--rps", "max", {"0", "-5", "nan", "inf", "1e5", "2G", "500/s", "abc", "MAX", "1000000001"}},
      {"--duration",
       "1m30s",
       {"-1", "1x", "30s1m", "366d", "nan", "inf", "1e3", "10 s", "forever"}},
      {"--count", "1 to 1e15", {"0", "-1", "0.5", "1000000000000001", "99999999999999999999", "x"}},
      {"--burst", "1 to 1e15", {"0", "-1", "nan", "1000000000000001"}},
      {"--max-lag", "above 0", {"0", "0ms", "-1s", "x", "366d"}},
      {"--message-size", "1 to 256", {"0", "257", "1KiB", "-64", "64k", "18446744073709551680"}},
      {"--seed", "18446744073709551615", {"-1", "18446744073709551616", "1k", "0x1", "random"}},
      {"--queue-capacity", "1 to 100M", {"0", "100000001", "-1", "10GB"}},
      {"--on-full", "block, drop-new, drop-old or abort", {"drop", "Block", "spill", " block"}},
      {"--batch-size", "1 to 100000", {"0", "100001", "-500", "4294967796"}},
      {"--linger", "5ms", {"-5ms", "5k", "x"}},
      {"--insert", "auto, copy, multi, unnest or single", {"COPY", "bulk", "0"}},
      {"--durability", "full or relaxed", {"none", "FULL", "1"}},
      {"--drain-timeout", "20s", {"-20s", "x", "366d"}},
      {"--verify", "off, count or full", {"on", "Count", "yes"}},
      {"--progress", "off or a duration of at least 10ms", {"0", "9ms", "-1s", "on", "never"}},
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
        "--progress",  "--log-level"}) {
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

TEST_CASE("options: an unknown command is refused and run is named") {
  for (const Arguments& arguments :
       {Arguments{"verify"}, Arguments{"replay", "file"}, Arguments{"Run"}, Arguments{"help"},
        Arguments{"--rps=5", "go"}, Arguments{"run", "fast"}, Arguments{"--", "fast"}}) {
    CAPTURE(line(arguments));
    const std::string error = error_of(arguments);
    CAPTURE(error);
    check_one_line(error);
    CHECK(contains(error, "run"));
    CHECK(contains(error, "--help"));
  }
  CHECK(error_of({"verify"}).starts_with("verify: unknown command"));
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

TEST_CASE("options: what is not built yet is unknown, never accepted and ignored") {
  for (const std::string flag :
       {"--delivery=exactly-once", "--retries=3", "--timeout=30s", "--dead-letter=f", "--spool=d",
        "--stages=1:2", "--warmup=1", "--threshold=p99<1s", "--html=f", "--config=f",
        "--listen=:80", "--arrival=even", "--percentiles=50", "--unsent=f", "--breaker=on"}) {
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

TEST_CASE("options: help names every option and the default that is in force") {
  const AppDb unset(nullptr);
  struct Case {
    std::string flag;
    std::string fallback;  // empty = none
    Holds as_default = nullptr;
  };
  const Options d;
  const Case cases[] = {
      {"--producers", "10", [&](const Options& o) { return o.producers == d.producers; }},
      {"--consumers", "5", [&](const Options& o) { return o.consumers == d.consumers; }},
      {"--rps", "500", [&](const Options& o) { return o.rps == d.rps; }},
      {"--duration", "10s", [&](const Options& o) { return o.duration == d.duration; }},
      {"--count", ""},
      {"--burst", "unlimited"},
      {"--max-lag", ""},
      {"--message-size", "64", [&](const Options& o) { return o.message_size == d.message_size; }},
      {"--seed", "random"},
      {"--queue-capacity", "10000",
       [&](const Options& o) { return o.queue_capacity == d.queue_capacity; }},
      {"--on-full", "block", [&](const Options& o) { return o.on_full == d.on_full; }},
      {"--batch-size", "500", [&](const Options& o) { return o.batch_size == d.batch_size; }},
      {"--linger", "5ms", [&](const Options& o) { return o.linger == d.linger; }},
      {"--db", "sqlite:messages.db", [&](const Options& o) { return o.db == d.db; }},
      {"--table", "messages", [&](const Options& o) { return o.table == d.table; }},
      {"--insert", "auto", [&](const Options& o) { return o.insert == d.insert; }},
      {"--durability", "full", [&](const Options& o) { return o.durability == d.durability; }},
      {"--drain-timeout", "20s",
       [&](const Options& o) { return o.drain_timeout == d.drain_timeout; }},
      {"--verify", "count", [&](const Options& o) { return o.verify == d.verify; }},
      {"--json", ""},
      {"--progress", "1s", [&](const Options& o) { return o.progress == d.progress; }},
      {"--quiet", ""},
      {"--log-level", "info", [&](const Options& o) { return o.log_level == d.log_level; }},
      {"--version", ""},
  };
  const std::string help = text_of({"--help"});
  for (const Case& c : cases) {
    CAPTURE(c.flag);
    const std::string row = help_of(help, c.flag);
    CAPTURE(row);
    CHECK_FALSE(row.empty());
    CHECK(contains(row, "(default: " + c.fallback + ")") == !c.fallback.empty());
    if (!c.as_default) continue;
    CHECK(c.as_default(options_of({})));
    CHECK(c.as_default(options_of({c.flag + "=" + c.fallback})));
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
