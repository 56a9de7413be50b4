#include <fmt/format.h>

#include <cctype>

#include "parts.h"

namespace loadgen {
namespace {

// What is typed: a hyphen there is a minus, and not where a line may break.
std::string literal(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '-' || c == '\\') escaped += '\\';
    escaped += c == '\\' ? 'e' : c;
  }
  return escaped;
}

std::string bold(std::string_view text) { return "\\fB" + literal(text) + "\\fR"; }

// Markdown's `code` becomes bold.
std::string to_roff(std::string_view markdown) {
  std::string text;
  bool code = false;
  while (!markdown.empty()) {
    const std::string_view piece = markdown.substr(0, markdown.find('`'));
    markdown.remove_prefix(std::min(markdown.size(), piece.size() + 1));
    text += code ? bold(piece) : std::string(piece);
    code = !code;
  }
  return text;
}

// Sentences, in lines that roff does not take for requests.
std::string paragraph(std::string text) {
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  std::string lines = wrapped(text, 100, "");
  for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
    if (lines[at] == '.' || lines[at] == '\'') lines.insert(at, "\\&");
  }
  return lines;
}

std::string entry(const OptionRow& row) {
  const OptionText& text = row.text;
  std::string head = fmt::format(".B {}", literal(text.flag));
  if (row.takes_value()) {
    head = fmt::format(".BI {}= {}", literal(text.flag), text.metavariable);
  } else if (!text.short_flag.empty()) {
    head = fmt::format(R"(.BR {} ", " {})", literal(text.short_flag), literal(text.flag));
  }
  std::string details = to_roff(text.details) + ".";
  if (!row.fallback.empty()) details += fmt::format(" Default: {}.", bold(row.fallback));
  if (!text.environment.empty()) {
    details += fmt::format(" The environment variable {} sets it, too.", bold(text.environment));
  }
  return fmt::format(".TP\n{}\n{}", head, paragraph(details));
}

// A command other than run: what it shares with run by name, the rest in full.
std::string section_of(CommandName command, std::string_view name) {
  std::string shared;
  std::string own;
  for (const OptionRow* row : rows_of(command)) {
    if (row->text.taken_by.run) {
      shared += fmt::format("{}{}", shared.empty() ? "" : ", ", bold(row->text.flag));
    } else {
      own += entry(*row);
    }
  }
  return fmt::format(
      ".SS {}\n{}{}", name,
      paragraph(fmt::format("It takes {} as above{}", shared, own.empty() ? "." : ", and:")), own);
}

}  // namespace

std::string man_sections() {
  std::string sections;
  std::string_view group;
  for (const OptionRow* row : rows_of(CommandName::kRun)) {
    if (row->group != group) sections += fmt::format(".SS {}\n", group = row->group);
    sections += entry(*row);
  }
  return sections + section_of(CommandName::kReplay, "app replay") +
         section_of(CommandName::kVerify, "app verify") +
         section_of(CommandName::kReport, "app report");
}

}  // namespace loadgen
