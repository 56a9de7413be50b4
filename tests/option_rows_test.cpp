#include "options/option_rows.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "options/help_text.h"
#include "options/parse_options.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

constexpr CommandName kCommands[] = {CommandName::kRun, CommandName::kReplay, CommandName::kVerify};

// Rows that read a value or set a switch, of one command.
std::vector<const OptionRow*> settable_rows(CommandName command) {
  auto rows = rows_of(command);
  std::erase_if(rows, [](const OptionRow* row) { return !row->read; });
  return rows;
}

// All that is set, as users write it: "--flag=value" each.
std::vector<std::string> all_shown(CommandName command, const Settings& settings) {
  std::vector<std::string> shown;
  for (const OptionRow* row : settable_rows(command)) {
    shown.push_back(std::string(row->text.flag) + "=" + row->show(settings));
  }
  return shown;
}

std::string error_of(CommandName command, std::string_view flag, const std::string& value) {
  const std::string option = std::string(flag) + "=" + value;
  std::vector<const char*> arguments{"app"};
  if (command == CommandName::kReplay) arguments.insert(arguments.end(), {"replay", "file"});
  if (command == CommandName::kVerify) arguments.push_back("verify");
  arguments.push_back(option.c_str());
  try {
    parse_options(static_cast<int>(arguments.size()), arguments.data());
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

bool is_closed_set(const Wording& wording) { return wording.schema.starts_with(R"("enum")"); }

// The nearest values beyond the bounds.
std::vector<std::string> values_outside(const Wording& wording) {
  std::vector<std::string> values{"", "--quiet"};
  if (is_closed_set(wording)) values.emplace_back("no-such-word");
  if (wording.low.empty()) return values;
  values.emplace_back("-1");
  if (wording.low != "0") values.emplace_back("0");
  if (const auto highest = parse_count(wording.high)) {
    const bool has_next = *highest < std::numeric_limits<std::uint64_t>::max();
    values.push_back(has_next ? std::to_string(*highest + 1) : wording.high + "0");
  } else {
    values.push_back(format_duration(*parse_duration(wording.high) + 1ns));
    if (wording.low != "0") values.push_back(format_duration(*parse_duration(wording.low) - 1ns));
  }
  return values;
}

// A value other than the default.
std::string other_value(CommandName command, const OptionRow& row) {
  std::vector<std::string> candidates = row.wording.words;
  candidates.insert(candidates.begin(),
                    {row.wording.high, "1ns,2ns", "1s:5", "p99<1s", "other", "other.csv"});
  for (const std::string& candidate : candidates) {
    Settings settings = defaults_of(command);
    if (row.read(settings, candidate) && row.show(settings) != row.fallback) return candidate;
  }
  return "";
}

}  // namespace

TEST_CASE("option rows: the help shows the default, and reading it back changes nothing") {
  std::set<std::string_view> names_of_none;
  for (const CommandName command : kCommands) {
    const std::string help = help_text(command);
    for (const OptionRow* row : settable_rows(command)) {
      CAPTURE(row->text.flag);
      Settings settings = defaults_of(command);
      CHECK(row->show(settings) == row->fallback);
      if (row->fallback.empty()) continue;
      const std::size_t line = help.find("\n  " + std::string(row->text.flag) + " ") + 1;
      CHECK(help.substr(line, help.find('\n', line) - line)
                .ends_with("(default: " + row->fallback + ")"));
      if (!row->read(settings, row->fallback)) names_of_none.insert(row->text.flag);
      CHECK(all_shown(command, settings) == all_shown(command, defaults_of(command)));
    }
  }
  // Their defaults say that there is no value, and are not to be written.
  CHECK(names_of_none == std::set<std::string_view>{"--burst", "--retries", "--run", "--seed"});
}

TEST_CASE("option rows: a value sets the option it is given for, and no other") {
  for (const CommandName command : kCommands) {
    const auto before = all_shown(command, defaults_of(command));
    for (const OptionRow* row : settable_rows(command)) {
      if (!row->takes_value()) continue;
      CAPTURE(row->text.flag);
      const std::string value = other_value(command, *row);
      REQUIRE_FALSE(value.empty());
      Settings settings = defaults_of(command);
      REQUIRE(row->read(settings, value));
      const auto after = all_shown(command, settings);
      std::size_t changed = 0;
      for (std::size_t i = 0; i < after.size(); ++i) changed += before[i] == after[i] ? 0U : 1U;
      CHECK(changed == 1);
    }
  }
}

TEST_CASE("option rows: bounds are allowed; what lies beyond gets one line that tells what is") {
  unsetenv("APP_DB");
  for (const CommandName command : kCommands) {
    for (const OptionRow* row : settable_rows(command)) {
      if (!row->takes_value()) continue;
      CAPTURE(row->text.flag);
      const Wording& wording = row->wording;
      for (const std::string& bound : {wording.low, wording.high}) {
        Settings settings;
        if (!bound.empty()) CHECK(row->read(settings, bound));
        const bool is_told = bound == "1ns" ? wording.allowed.find("above 0") != std::string::npos
                                            : wording.allowed.find(bound) != std::string::npos;
        if (row->text.flag != "--run") CHECK(is_told);
      }
      for (const std::string& value : values_outside(wording)) {
        CHECK(error_of(command, row->text.flag, value) ==
              std::string(row->text.flag) + "=" + value + ": expected " + wording.allowed);
      }
    }
  }
}

TEST_CASE("option rows: every text is there, and every placeholder in it was replaced") {
  for (const OptionRow& row : option_rows()) {
    CAPTURE(row.text.flag);
    for (const std::string& text : {row.text.help, row.text.details}) {
      CHECK_FALSE(text.empty());
      CHECK(text.find_first_of("{}|\n") == std::string::npos);
    }
    CHECK(row.wording.allowed.find_first_of("{}\n") == std::string::npos);
    CHECK(row.wording.allowed.empty() == !row.takes_value());
  }
}

TEST_CASE("option rows: a result's config has the keys readers know, in their order") {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : config_values(Options{})) keys.push_back(key);
  CHECK(keys == std::vector<std::string_view>{"producers",
                                              "consumers",
                                              "rps",
                                              "arrival",
                                              "stages",
                                              "warmup_s",
                                              "duration_s",
                                              "count",
                                              "burst",
                                              "max_lag_ms",
                                              "message_size",
                                              "seed",
                                              "seed_text",
                                              "queue_capacity",
                                              "on_full",
                                              "spool",
                                              "batch_size",
                                              "linger_ms",
                                              "db",
                                              "table",
                                              "insert",
                                              "durability",
                                              "delivery",
                                              "retries",
                                              "retry_delay_ms",
                                              "timeout_s",
                                              "connect_wait_s",
                                              "dead_letter",
                                              "max_dead_letters",
                                              "unsent",
                                              "breaker",
                                              "drain_timeout_s",
                                              "verify"});
}

TEST_CASE("option rows: a result's config tells what is not set from what is, and no password") {
  Options options;
  options.db = "postgres://user:SECRET@host/db";
  options.seed = std::numeric_limits<std::uint64_t>::max();
  for (const auto& entry : config_values(options)) {
    const auto& key = entry.first;
    const auto& value = entry.second;
    CAPTURE(key);
    if (key == "spool" || key == "count") CHECK(value == ConfigValue(nullptr));
    if (key == "linger_ms") CHECK(value == ConfigValue(5.0));
    if (key == "duration_s") CHECK(value == ConfigValue(10.0));
    if (key == "seed") CHECK(value == ConfigValue(std::numeric_limits<std::uint64_t>::max()));
    if (key == "seed_text") CHECK(value == ConfigValue(std::string("18446744073709551615")));
    if (key == "db") CHECK(value == ConfigValue(std::string("postgres://user:***@host/db")));
  }
}
