#include <fmt/format.h>

#include "parts.h"

namespace loadgen {
namespace {

std::string_view action_of(Completion completion, std::string_view file,
                           std::string_view directory) {
  switch (completion) {
    case Completion::kFile:
      return file;
    case Completion::kDirectory:
      return directory;
    case Completion::kNothing:
    case Completion::kWords:
      break;
  }
  return "";
}

std::string bash_case(std::string_view command, const OptionRow& row) {
  const Wording& wording = row.wording;
  std::string offered(action_of(wording.completion, "@file", "@directory"));
  if (wording.completion == Completion::kWords) {
    offered = fmt::format("{}", fmt::join(wording.words, " "));
  }
  if (offered.empty()) offered = "@nothing";
  return fmt::format("    {}:{}) echo \"{}\" ;;\n", command, row.text.flag, offered);
}

// Within single quotes, and within the brackets of a specification.
std::string zsh_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\'') {
      escaped += R"('\'')";
      continue;
    }
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string zsh_value(const OptionRow& row) {
  if (!row.takes_value()) return "";
  std::string action(action_of(row.wording.completion, "_files", "_directories"));
  if (row.wording.completion == Completion::kWords) {
    std::string words;
    for (const std::string& word : row.wording.words) {
      words += (words.empty() ? "" : " ") + zsh_text(word);
    }
    action = fmt::format("({})", words);
  }
  return fmt::format(":{}{}{}", row.text.metavariable, action.empty() ? "" : ":", action);
}

std::string zsh_specification(const OptionRow& row) {
  const OptionText& text = row.text;
  const std::string help = zsh_text(text.help);
  if (!text.short_flag.empty()) {
    return fmt::format("  '({0} {1})'{{{0},{1}}}'[{2}]'\n", text.short_flag, text.flag, help);
  }
  return fmt::format("  '{}{}[{}]{}'\n", text.flag, row.takes_value() ? "=" : "", help,
                     zsh_value(row));
}

}  // namespace

std::string bash_functions() {
  std::string options;
  std::string values;
  for (const auto& [command, name] : kCommandNames) {
    const auto rows = rows_of(command);
    options +=
        fmt::format("    {}) echo \"\n{}      \" ;;\n", name,
                    wrapped(fmt::format("{}", fmt::join(flags_of(rows), " ")), 100, "      "));
    for (const OptionRow* row : rows) {
      if (row->takes_value()) values += bash_case(name, *row);
    }
  }
  return fmt::format(
      "# The options of a command.\n"
      "_loadgen_options() {{\n  case $1 in\n{}  esac\n}}\n"
      "# COMMAND:OPTION; what its value may be: words, @file, @directory, or @nothing to offer.\n"
      "_loadgen_values() {{\n  case $1 in\n{}  esac\n}}\n",
      options, values);
}

std::string zsh_arrays() {
  std::string arrays = "local -a";
  for (const auto& [command, name] : kCommandNames) arrays += fmt::format(" {}", name);
  arrays += '\n';
  for (const auto& [command, name] : kCommandNames) {
    arrays += fmt::format("{}=(\n", name);
    for (const OptionRow* row : rows_of(command)) arrays += zsh_specification(*row);
    arrays += ")\n";
  }
  return arrays;
}

}  // namespace loadgen
