#include <fmt/format.h>

#include "parts.h"

namespace loadgen {
namespace {

std::string property(std::string_view key, std::string_view description, std::string_view rules) {
  if (description.empty()) return fmt::format("        \"{}\": {{ {} }}", key, rules);
  return fmt::format(
      "        \"{}\": {{\n          \"description\": \"{}\",\n          {}\n        }}", key,
      description, rules);
}

std::string rules_of(const OptionRow& row) {
  const Wording& wording = row.wording;
  if (wording.schema_type.empty()) return wording.schema;
  const bool may_be_null =
      (wording.nullable || row.fallback.empty()) && !row.text.config.always_set;
  const std::string type = may_be_null ? fmt::format(R"(["{}", "null"])", wording.schema_type)
                                       : fmt::format(R"("{}")", wording.schema_type);
  return fmt::format(R"("type": {}, {})", type, wording.schema);
}

}  // namespace

std::string config_schema() {
  std::string keys;
  std::string properties;
  const auto add = [&](std::string_view key, std::string_view description, std::string_view rules) {
    keys += fmt::format("{}\"{}\"", keys.empty() ? "" : ", ", key);
    properties += (properties.empty() ? "" : ",\n") + property(key, description, rules);
  };
  for (const OptionRow* row : config_rows()) {
    const ConfigKey& config = row->text.config;
    add(config.key, config.note, rules_of(*row));
    if (!config.as_text.empty()) {
      add(config.as_text, "The same, for programs that read numbers as doubles.",
          R"("type": "string", "pattern": "^[0-9]+$")");
    }
  }
  return fmt::format(
      "      \"$comment\": \"scripts/generate writes this object.\",\n"
      "      \"description\": \"The options in force, with everything that was left open "
      "decided.\",\n"
      "      \"type\": \"object\",\n"
      "      \"required\": [\n{}      ],\n"
      "      \"properties\": {{\n{}\n      }}\n",
      wrapped(keys, 110, "        "), properties);
}

}  // namespace loadgen
