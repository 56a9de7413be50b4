// One row per option, with everything that is known about it. Parsing, help, the manual page,
// completions, the README's table, the result's config and its schema are made from rows. Rows are
// made once and never change.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "options/choices.h"
#include "options/options.h"
#include "options/value_kinds.h"

namespace loadgen {

// The commands of the program. Each takes the rows that name it.
enum class CommandName { kRun, kReplay, kVerify, kReport };

inline constexpr std::array kCommandNames{Names<CommandName>{CommandName::kRun, "run"},
                                          Names<CommandName>{CommandName::kReplay, "replay"},
                                          Names<CommandName>{CommandName::kVerify, "verify"},
                                          Names<CommandName>{CommandName::kReport, "report"}};
constexpr const auto& names_of(CommandName) { return kCommandNames; }

struct TakenBy {
  bool run = true;
  bool replay = false;
  bool verify = false;
  bool report = false;

  bool operator()(CommandName command) const {
    switch (command) {
      case CommandName::kRun:
        return run;
      case CommandName::kReplay:
        return replay;
      case CommandName::kVerify:
        return verify;
      case CommandName::kReport:
        return report;
    }
    return false;
  }
};

// All that a user can set, over all commands.
struct Settings {
  Options options = {};
  std::optional<std::string> replay_table = {};    // nullopt = the one each run wrote to
  std::optional<std::int64_t> run_to_verify = {};  // nullopt = the latest
  std::set<std::string_view> given = {};           // the flags of what the user has set
};

// Where the value stands in the result's config object.
struct ConfigKey {
  std::string_view key = {};      // "" = nowhere; a time's unit is its end
  std::string_view note = {};     // the schema's description
  std::string_view as_text = {};  // a second key, for the value as text
  std::string_view after = {};    // the key it follows, if not the key of the previous row
  bool always_set = false;        // never null: if the user sets none, the run chooses one
};

// What a person writes about an option. The texts may hold {default}, {low}, {high}, {allowed} and
// {words} ("a, b, c").
struct OptionText {
  std::string_view flag;               // "--producers"
  std::string_view metavariable = {};  // "N"; "" = takes no value
  std::string help;                    // one line
  std::string details;  // a paragraph of Markdown (only `code`), without the last period
  ConfigKey config = {};
  TakenBy taken_by = {};
  std::string_view environment = {};  // the variable that sets it
  std::string_view short_flag = {};
  bool repeatable = false;  // each use adds a value; otherwise the last one counts
  bool redacted = false;    // may hold a password: shown only through redact()
};

struct OptionRow {
  OptionText text;
  Wording wording = {};
  std::string_view group = {};  // a heading of the help
  std::string fallback = {};    // the default as users write it, or its name; "" = none
  // Sets the value and returns true if it is allowed. Empty: an option without a setting (--help).
  std::function<bool(Settings&, std::string_view)> read = {};
  // What is wrong with a value that `read` refuses. Empty: it is not what is allowed.
  std::function<std::string(std::string_view)> explain = {};
  // As users write it.
  std::function<std::string(const Settings&)> show = {};
  std::function<ConfigValue(const Settings&)> to_config = {};
  // Of a repeatable option: its values one by one.
  std::function<std::vector<std::string>(const Settings&)> show_each = {};

  [[nodiscard]] bool takes_value() const { return !text.metavariable.empty(); }
};

// The settings of a command without options.
Settings defaults_of(CommandName command);

// What is wrong with a value that the row refuses, and what is allowed.
std::string problem_with(const OptionRow& row, std::string_view value);

// Completes a row: sets its default and replaces the placeholders in its texts.
OptionRow finish_row(OptionRow row);

template <typename Field>
const Field& field_of(const Settings& settings, Field Options::*field) {
  return settings.options.*field;
}
template <typename Field>
const Field& field_of(const Settings& settings, Field Settings::*field) {
  return settings.*field;
}
template <typename Field>
void set_field(Settings& settings, Field Options::*field, Field value) {
  settings.options.*field = std::move(value);
}
template <typename Field>
void set_field(Settings& settings, Field Settings::*field, Field value) {
  settings.*field = std::move(value);
}

template <typename Owner, typename Field, typename Kind>
OptionRow option_row(const OptionText& text, Field Owner::*field, const Kind& kind) {
  OptionRow row{.text = text, .wording = wording_of(kind)};
  row.read = [field, kind](Settings& settings, std::string_view value) {
    auto parsed = parse_value(kind, value);
    if (!parsed) return false;
    set_field(settings, field, *std::move(parsed));
    return true;
  };
  row.show = [field, kind](const Settings& settings) {
    return show_value(kind, field_of(settings, field));
  };
  row.to_config = [field, kind, key = text.config.key](const Settings& settings) {
    return config_value(kind, field_of(settings, field), key);
  };
  return finish_row(std::move(row));
}

// An option that may be given several times; each use adds a value of this kind.
template <typename Owner, typename Kind>
OptionRow repeatable_row(OptionText text, std::vector<typename Kind::Value> Owner::*field,
                         const Kind& kind) {
  text.repeatable = true;
  OptionRow row{.text = std::move(text), .wording = wording_of(kind)};
  row.wording.schema = R"("items": { "type": "string" })";
  row.wording.schema_type = "array";
  row.wording.nullable = true;
  row.read = [field, kind](Settings& settings, std::string_view value) {
    auto parsed = parse_value(kind, value);
    if (!parsed) return false;
    auto values = field_of(settings, field);
    values.push_back(*std::move(parsed));
    set_field(settings, field, std::move(values));
    return true;
  };
  row.show_each = [field, kind](const Settings& settings) {
    std::vector<std::string> shown;
    for (const auto& value : field_of(settings, field)) shown.push_back(show_value(kind, value));
    return shown;
  };
  row.show = [each = row.show_each](const Settings& settings) {
    return fmt::format("{}", fmt::join(each(settings), ", "));
  };
  row.to_config = [each = row.show_each](const Settings& settings) {
    auto values = each(settings);
    return values.empty() ? ConfigValue(nullptr) : ConfigValue(std::move(values));
  };
  return finish_row(std::move(row));
}

}  // namespace loadgen
