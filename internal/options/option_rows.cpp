#include "options/option_rows.h"

#include <algorithm>

#include "base/redact.h"

namespace loadgen {
namespace {

constexpr std::string_view kResult = "Result";
constexpr std::string_view kOther = "Other";

void append(OptionRows& all, std::string_view group, OptionRows rows) {
  for (OptionRow& row : rows) {
    row.group = group;
    all.push_back(std::move(row));
  }
}

OptionRows make_rows() {
  OptionRows rows;
  append(rows, "Load", load_rows());
  append(rows, "Channel", channel_rows());
  append(rows, "Writing", writing_rows());
  append(rows, "Delivery", delivery_rows());
  append(rows, kResult, result_rows());
  append(rows, kOther, other_rows());
  return rows;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

Settings defaults_of(CommandName command) {
  Settings settings;
  // A user who asks only for an audit wants the thorough one.
  if (command == CommandName::kVerify) settings.options.verify = VerifyMode::kFull;
  return settings;
}

std::string problem_with(const OptionRow& row, std::string_view value) {
  return row.explain ? row.explain(value) : "expected " + row.wording.allowed;
}

OptionRow finish_row(OptionRow row) {
  const CommandName command = row.text.taken_by.run      ? CommandName::kRun
                              : row.text.taken_by.replay ? CommandName::kReplay
                                                         : CommandName::kVerify;
  row.fallback = row.show(defaults_of(command));
  for (std::string* text : {&row.text.help, &row.text.details, &row.wording.allowed}) {
    replace_all(*text, "{default}", row.fallback);
    replace_all(*text, "{low}", row.wording.low);
    replace_all(*text, "{high}", row.wording.high);
    replace_all(*text, "{allowed}", row.wording.allowed);
    replace_all(*text, "{words}", fmt::format("{}", fmt::join(row.wording.words, ", ")));
  }
  return row;
}

const OptionRows& option_rows() {
  static const OptionRows rows = make_rows();
  return rows;
}

std::vector<const OptionRow*> rows_of(CommandName command) {
  std::vector<const OptionRow*> rows;
  for (const OptionRow& row : option_rows()) {
    if (row.text.taken_by(command)) rows.push_back(&row);
  }
  return rows;
}

std::string_view group_in(CommandName command, const OptionRow& row) {
  if (row.group == kOther || command == CommandName::kRun) return row.group;
  if (command != CommandName::kReplay) return "Options";
  return row.group == kResult ? kOther : row.group;
}

const OptionRow* find_row(CommandName command, std::string_view flag) {
  const auto rows = rows_of(command);
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const auto* row) { return row->text.flag == flag; });
  return found == rows.end() ? nullptr : *found;
}

std::vector<const OptionRow*> config_rows() {
  std::vector<const OptionRow*> rows;
  std::vector<const OptionRow*> moved;
  for (const OptionRow& row : option_rows()) {
    if (row.text.config.key.empty()) continue;
    (row.text.config.after.empty() ? rows : moved).push_back(&row);
  }
  for (const OptionRow* row : moved) {
    const auto before = std::find_if(rows.begin(), rows.end(), [&](const auto* other) {
      return other->text.config.key == row->text.config.after;
    });
    rows.insert(before == rows.end() ? before : before + 1, row);
  }
  return rows;
}

std::vector<std::pair<std::string_view, ConfigValue>> config_values(const Options& options) {
  Settings settings;
  settings.options = options;
  std::vector<std::pair<std::string_view, ConfigValue>> values;
  for (const OptionRow* row : config_rows()) {
    const ConfigKey& config = row->text.config;
    const ConfigValue value = row->to_config(settings);
    const bool is_set = !std::holds_alternative<std::nullptr_t>(value);
    if (row->text.redacted) {
      values.emplace_back(config.key, redact(row->show(settings)));
    } else {
      values.emplace_back(config.key, value);
    }
    if (!config.as_text.empty()) {
      values.emplace_back(config.as_text,
                          is_set ? ConfigValue(row->show(settings)) : ConfigValue(nullptr));
    }
  }
  return values;
}

}  // namespace loadgen
