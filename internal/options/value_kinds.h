// The kinds of values an option may take: how each is read, shown, written into a result and
// described. A kind is a plain struct of its bounds; the check and the wording of what is allowed
// are made from the same members. Pure functions; safe to call from any thread.
//
// Every kind names the type of the field (Value) and has these functions:
//   optional<Value> parse_value(kind, text)      nullopt = not allowed
//   string show_value(kind, value)               as users write it; "" = not set
//   ConfigValue config_value(kind, value, key)   for the result's config; a key ends with the unit
//   Wording wording_of(kind)
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/units.h"
#include "options/choices.h"
#include "options/options.h"

namespace loadgen {

// A value as a result shows it; nullptr = not set.
using ConfigValue = std::variant<std::nullptr_t, std::uint64_t, double, std::string,
                                 std::vector<double>, std::vector<std::string>>;

// What a shell offers as the value.
enum class Completion { kNothing, kWords, kFile, kDirectory };

// What a kind says about itself. Texts may hold the placeholders that fill_in knows.
struct Wording {
  std::string allowed = {};                      // "a whole number from 1 to 1024"
  std::string low = {}, high = {};               // bounds as users write them; "" = none
  std::vector<std::string> words = {};           // a closed set, or words beside other values
  Completion completion = Completion::kNothing;  // kWords: those above
  std::string schema_type = {};                  // of JSON Schema; "" = `schema` says it all
  std::string schema = {};                       // further keywords: "\"minimum\": 1"
  bool nullable = false;                         // whether a result may show null
};

// With the unit suffixes that parse_count reads.
template <typename T>
struct WholeNumber {
  using Value = T;
  std::uint64_t low, high;
  std::string_view example = {};  // follows the bounds in what is allowed
};

// Digits alone; every number that fits the type.
template <typename T>
struct PlainNumber {
  using Value = T;
  std::string_view allowed = {};  // instead of the bounds
};

// Bytes.
struct Size {
  using Value = std::uint32_t;
  std::uint32_t low, high;
};

// Events per second.
struct Rate {
  using Value = double;
  std::string_view example;  // follows the bounds in what is allowed
};

// The lowest duration that is not 0.
inline constexpr std::chrono::nanoseconds kAboveZero{1};

// A time of at least `low`; its key ends with _s or _ms.
struct Duration {
  using Value = std::chrono::nanoseconds;
  std::string_view example = {};
  std::chrono::nanoseconds low{0};
  std::string_view zero_means = {};
};

// Two durations, the longer last.
struct DelayBounds {
  using Value = RetryDelay;
};

// The parts of --stages, D:R each, with a comma between them.
struct Stages {
  using Value = std::vector<Stage>;
};

// Different percentiles, with a comma between them.
struct Percentiles {
  using Value = std::vector<double>;
  std::size_t most;
};

// A threshold on the result: see parse_threshold.h.
struct Condition {
  using Value = Threshold;
};

// Any text that is not empty; an empty field means not set.
struct Text {
  using Value = std::string;
  std::string_view allowed;
  Completion completion = Completion::kNothing;
  std::vector<std::string> words = {};    // how a value may begin
  std::vector<std::string> endings = {};  // how a value must end, if there are any
};

// One of a closed set, from `first` on.
template <typename E>
struct Choice {
  using Value = E;
  E first = E{};
};

// No value: the option is there or not.
struct Switch {
  using Value = bool;
};

// A value, or none; "none" has a name.
enum class NameOfNone { kOnlyShown, kMayBeWritten };
template <typename Kind>
struct Maybe {
  using Value = std::optional<typename Kind::Value>;
  Kind kind;
  std::string_view none = {};
  NameOfNone use = NameOfNone::kOnlyShown;
};

// Values with a comma between them. At least one.
template <typename Kind>
struct ListOf {
  using Value = std::vector<typename Kind::Value>;
  Kind kind;
  std::string_view allowed;
};

// Helpers ---------------------------------------------------------------------------------------

std::optional<std::uint64_t> within(std::optional<std::uint64_t> number, std::uint64_t low,
                                    std::uint64_t high);
Wording whole_number_wording(std::uint64_t low, std::uint64_t high, std::string_view example);
Wording plain_number_wording(std::uint64_t high, std::string_view allowed);
Wording choice_wording(std::vector<std::string> words);

// The functions of each kind --------------------------------------------------------------------

template <typename T>
std::optional<T> parse_value(const WholeNumber<T>& kind, std::string_view text) {
  const auto number = within(parse_count(text), kind.low, kind.high);
  return number ? std::optional(static_cast<T>(*number)) : std::nullopt;
}
template <typename T>
std::string show_value(const WholeNumber<T>& /*kind*/, T value) {
  return fmt::format("{}", value);
}
template <typename T>
ConfigValue config_value(const WholeNumber<T>& /*kind*/, T value, std::string_view /*key*/) {
  return std::uint64_t{value};
}
template <typename T>
Wording wording_of(const WholeNumber<T>& kind) {
  return whole_number_wording(kind.low, kind.high, kind.example);
}

template <typename T>
std::optional<T> parse_value(const PlainNumber<T>& /*kind*/, std::string_view text) {
  const auto number = within(parse_unsigned(text), 0, std::numeric_limits<T>::max());
  return number ? std::optional(static_cast<T>(*number)) : std::nullopt;
}
template <typename T>
std::string show_value(const PlainNumber<T>& /*kind*/, T value) {
  return fmt::format("{}", value);
}
template <typename T>
ConfigValue config_value(const PlainNumber<T>& /*kind*/, T value, std::string_view /*key*/) {
  return static_cast<std::uint64_t>(value);
}
template <typename T>
Wording wording_of(const PlainNumber<T>& kind) {
  return plain_number_wording(std::numeric_limits<T>::max(), kind.allowed);
}

std::optional<std::uint32_t> parse_value(const Size& kind, std::string_view text);
std::string show_value(const Size& kind, std::uint32_t value);
ConfigValue config_value(const Size& kind, std::uint32_t value, std::string_view key);
Wording wording_of(const Size& kind);

std::optional<double> parse_value(const Rate& kind, std::string_view text);
std::string show_value(const Rate& kind, double value);
ConfigValue config_value(const Rate& kind, double value, std::string_view key);
Wording wording_of(const Rate& kind);

std::optional<std::chrono::nanoseconds> parse_value(const Duration& kind, std::string_view text);
std::string show_value(const Duration& kind, std::chrono::nanoseconds value);
ConfigValue config_value(const Duration& kind, std::chrono::nanoseconds value,
                         std::string_view key);
Wording wording_of(const Duration& kind);

std::optional<RetryDelay> parse_value(const DelayBounds& kind, std::string_view text);
std::string show_value(const DelayBounds& kind, const RetryDelay& value);
ConfigValue config_value(const DelayBounds& kind, const RetryDelay& value, std::string_view key);
Wording wording_of(const DelayBounds& kind);

std::optional<std::vector<Stage>> parse_value(const Stages& kind, std::string_view text);
std::string show_value(const Stages& kind, const std::vector<Stage>& value);
ConfigValue config_value(const Stages& kind, const std::vector<Stage>& value, std::string_view key);
Wording wording_of(const Stages& kind);

std::optional<std::vector<double>> parse_value(const Percentiles& kind, std::string_view text);
std::string show_value(const Percentiles& kind, const std::vector<double>& value);
ConfigValue config_value(const Percentiles& kind, const std::vector<double>& value,
                         std::string_view key);
Wording wording_of(const Percentiles& kind);

std::optional<Threshold> parse_value(const Condition& kind, std::string_view text);
std::string show_value(const Condition& kind, const Threshold& value);
Wording wording_of(const Condition& kind);

std::optional<std::string> parse_value(const Text& kind, std::string_view text);
std::string show_value(const Text& kind, const std::string& value);
ConfigValue config_value(const Text& kind, const std::string& value, std::string_view key);
Wording wording_of(const Text& kind);

std::optional<bool> parse_value(const Switch& kind, std::string_view text);
std::string show_value(const Switch& kind, bool value);
ConfigValue config_value(const Switch& kind, bool value, std::string_view key);
Wording wording_of(const Switch& kind);

template <typename E>
std::optional<E> parse_value(const Choice<E>& kind, std::string_view text) {
  const auto value = from_name<E>(text);
  return value && *value >= kind.first ? value : std::nullopt;
}
template <typename E>
std::string show_value(const Choice<E>& /*kind*/, E value) {
  return std::string{to_name(value)};
}
template <typename E>
ConfigValue config_value(const Choice<E>& kind, E value, std::string_view /*key*/) {
  return show_value(kind, value);
}
template <typename E>
Wording wording_of(const Choice<E>& kind) {
  std::vector<std::string> words;
  for (const auto& [value, name] : names_of(E{})) {
    if (value >= kind.first) words.emplace_back(name);
  }
  return choice_wording(std::move(words));
}

template <typename Kind>
std::optional<typename ListOf<Kind>::Value> parse_value(const ListOf<Kind>& list,
                                                        std::string_view text) {
  typename ListOf<Kind>::Value values;
  while (true) {
    const std::size_t comma = text.find(',');
    auto value = parse_value(list.kind, text.substr(0, comma));
    if (!value) return std::nullopt;
    values.push_back(*std::move(value));
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}
template <typename Kind>
std::string show_value(const ListOf<Kind>& list, const typename ListOf<Kind>::Value& values) {
  std::string shown;
  for (const auto& value : values) {
    if (!shown.empty()) shown += ',';
    shown += show_value(list.kind, value);
  }
  return shown;
}
template <typename Kind>
ConfigValue config_value(const ListOf<Kind>& list, const typename ListOf<Kind>::Value& values,
                         std::string_view /*key*/) {
  return values.empty() ? ConfigValue(nullptr) : ConfigValue(show_value(list, values));
}
template <typename Kind>
Wording wording_of(const ListOf<Kind>& list) {
  return {.allowed = std::string{list.allowed},
          .schema_type = "string",
          .schema = R"("minLength": 1)",
          .nullable = true};
}

template <typename Kind>
std::optional<typename Maybe<Kind>::Value> parse_value(const Maybe<Kind>& kind,
                                                       std::string_view text) {
  using Value = typename Maybe<Kind>::Value;
  if (kind.use == NameOfNone::kMayBeWritten && text == kind.none) return Value();
  auto value = parse_value(kind.kind, text);
  return value ? std::optional<Value>(std::move(value)) : std::nullopt;
}
template <typename Kind>
std::string show_value(const Maybe<Kind>& kind, const typename Maybe<Kind>::Value& value) {
  return value ? show_value(kind.kind, *value) : std::string{kind.none};
}
template <typename Kind>
ConfigValue config_value(const Maybe<Kind>& kind, const typename Maybe<Kind>::Value& value,
                         std::string_view key) {
  return value ? config_value(kind.kind, *value, key) : ConfigValue(nullptr);
}
template <typename Kind>
Wording wording_of(const Maybe<Kind>& kind) {
  Wording wording = wording_of(kind.kind);
  wording.nullable = true;
  if (kind.use == NameOfNone::kMayBeWritten) {
    wording.allowed = fmt::format("{} or {}", kind.none, wording.allowed);
    wording.words.emplace_back(kind.none);
    wording.completion = Completion::kWords;
  }
  return wording;
}

}  // namespace loadgen
