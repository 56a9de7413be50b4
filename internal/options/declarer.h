// How options are declared to CLI11 and shown in the help text. For parse_options.cpp alone.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/redact.h"
#include "options/choices.h"

namespace loadgen {

// The help text: options in groups, one line each, "--name VALUE   what it does (default: x)".
class HelpFormatter final : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    std::string help = app->get_description() + "\n";
    for (const std::string& group : app->get_groups()) {
      help += "\n" + group + ":\n";
      for (const CLI::Option* option : app->get_options()) {
        if (option->get_group() == group) help += make_line(*option);
      }
    }
    return help + "\n" + app->get_footer() + "\n";
  }

 private:
  static std::string make_line(const CLI::Option& option) {
    std::string head = option.get_name(false, true);
    std::replace(head.begin(), head.end(), ',', ' ');
    if (option.get_items_expected_max() > 0) head += " " + option.get_type_name();
    std::string text = option.get_description();
    if (!option.get_default_str().empty()) text += " (default: " + option.get_default_str() + ")";
    return fmt::format("  {:24}  {}\n", head, text);
  }
};

[[noreturn]] inline void reject(std::string_view flag, std::string_view value,
                                std::string_view allowed) {
  // The value may be a mistyped address with a password in it.
  throw UsageError(fmt::format("{}={}: {}", flag, printable(redact(value)), allowed));
}

// Declares options whose values our own parsers read: CLI11's are not strict (its AsSizeValue
// takes "-1", PositiveNumber takes "nan").
class Declarer {
 public:
  explicit Declarer(CLI::App& app) : app_(app) {}

  void group(std::string name) { group_ = std::move(name); }

  // parse: text -> optional<T>, nullopt = not allowed.
  template <typename Field, typename Parse>
  CLI::Option* value(const std::string& flag, const std::string& placeholder, Field& field,
                     const Parse& parse, const std::string& fallback, const std::string& allowed,
                     const std::string& description) {
    const auto read = [flag, allowed, parse, &field](const std::string& text) {
      auto parsed = parse(text);
      // No file is meant by an option that follows where a value was forgotten.
      if (!parsed || text.starts_with("--")) reject(flag, text, "expected " + allowed);
      field = *std::move(parsed);
    };
    return app_.add_option_function<std::string>(flag, read, description)
        ->type_name(placeholder)
        ->default_str(fallback)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->group(group_);
  }

  template <typename E>
  void choice(const std::string& flag, const std::string& placeholder, E& field,
              const std::string& description) {
    value(flag, placeholder, field, from_name<E>, std::string(to_name(field)), all_names<E>(),
          description);
  }

 private:
  CLI::App& app_;
  std::string group_;
};

}  // namespace loadgen
