#include "sink/target_config.h"

#include <charconv>

namespace loadgen {

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string schema_for_table(std::string_view schema, std::string_view table) {
  constexpr std::string_view kPlaceholder = ":\"table\"";
  std::string ddl(schema);
  const std::string name = quote_identifier(table);
  // From the CREATE on: the comment above it explains the placeholder.
  for (std::size_t at = ddl.find(kPlaceholder, ddl.find("CREATE")); at != std::string::npos;
       at = ddl.find(kPlaceholder, at + name.size())) {
    ddl.replace(at, kPlaceholder.size(), name);
  }
  return ddl;
}

std::int64_t unix_microseconds(WallTime when) {
  return std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch()).count();
}

std::int64_t to_integer(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

WriteError interrupted_error() {
  return {.code = "interrupted",
          .message = "the write was interrupted",
          .error_class = ErrorClass::kOutage};
}

}  // namespace loadgen
