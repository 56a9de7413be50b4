#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "parts.h"

namespace loadgen {

std::string readme_tables() {
  std::string tables;
  std::string_view group;
  for (const OptionRow* row : rows_of(CommandName::kRun)) {
    if (row->group == "Other") continue;  // --help says that itself
    if (row->group != group) {
      group = row->group;
      std::string name(group);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      tables +=
          fmt::format("{}| {} | default | |\n|---|---|---|\n", tables.empty() ? "" : "\n", name);
    }
    const std::string value = row->takes_value() ? fmt::format(" {}", row->text.metavariable) : "";
    const std::string fallback = row->fallback.empty() ? "" : row->fallback + " ";
    tables += fmt::format("| `{}{}` | {}| {}", row->text.flag, value, fallback, row->text.details);
    if (!row->text.environment.empty()) {
      tables += fmt::format(". The environment variable `{}` sets it, too", row->text.environment);
    }
    tables += " |\n";
  }
  return tables;
}

}  // namespace loadgen
