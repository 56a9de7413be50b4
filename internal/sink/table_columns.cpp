#include "sink/table_columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/redact.h"

namespace loadgen {

std::string misfit(std::span<const FoundColumn> found, std::span<const NeededColumn> needed,
                   std::uint32_t message_size) {
  const auto named = [](const auto& columns, std::string_view name) {
    return std::find_if(columns.begin(), columns.end(),
                        [&](const auto& column) { return column.name == name; });
  };
  for (const FoundColumn& column : found) {
    if (column.needs_value && named(needed, column.name) == needed.end()) {
      return fmt::format("its column {} must have a value, and loadgen has none for it",
                         one_line(column.name));
    }
  }
  const auto message = named(found, "message");
  if (message != found.end() && message->width >= 0 && message->width < message_size) {
    return fmt::format("its column message holds {} characters, and --message-size is {}",
                       message->width, message_size);
  }
  for (const NeededColumn& column : needed) {
    const auto at = named(found, column.name);
    if (at == found.end()) return fmt::format("it has no column {}", column.name);
    if (!column.type.empty() && at->type != column.type && at->type != column.other_type) {
      return fmt::format("its column {} is of type {}, not {}", column.name, at->type, column.type);
    }
  }
  return "";
}

}  // namespace loadgen
