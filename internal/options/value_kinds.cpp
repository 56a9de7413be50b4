#include "options/value_kinds.h"

#include <algorithm>
#include <utility>

#include "options/parse_threshold.h"

namespace loadgen {
namespace {

// As parse_count reads it: "1024", "100M", "1000000G".
std::string show_bound(std::uint64_t bound) {
  constexpr std::uint64_t kGiga = 1'000'000'000, kMega = 1'000'000;
  if (bound >= kGiga && bound % kGiga == 0) return fmt::format("{}G", bound / kGiga);
  if (bound >= kMega && bound % kMega == 0) return fmt::format("{}M", bound / kMega);
  return fmt::format("{}", bound);
}

std::string longest_duration() {
  return fmt::format("{}d", kLongestDuration / std::chrono::hours(24));
}

// "a, b or c".
std::string list_of(const std::vector<std::string>& words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) list += i + 1 == words.size() ? " or " : ", ";
    list += words[i];
  }
  return list;
}

}  // namespace

std::optional<std::uint64_t> within(std::optional<std::uint64_t> number, std::uint64_t low,
                                    std::uint64_t high) {
  return number && *number >= low && *number <= high ? number : std::nullopt;
}

Wording whole_number_wording(std::uint64_t low, std::uint64_t high, std::string_view example) {
  Wording wording{.low = show_bound(low), .high = show_bound(high)};
  wording.allowed =
      fmt::format("a whole number from {} to {}{}", wording.low, wording.high, example);
  wording.schema_type = "integer";
  wording.schema = fmt::format(R"("minimum": {}, "maximum": {})", low, high);
  return wording;
}

Wording plain_number_wording(std::uint64_t high, std::string_view allowed) {
  Wording wording{.low = "0", .high = fmt::format("{}", high)};
  wording.allowed =
      allowed.empty() ? "a whole number from 0 to " + wording.high : std::string{allowed};
  wording.schema_type = "integer";
  wording.schema = R"("minimum": 0)";
  return wording;
}

Wording choice_wording(std::vector<std::string> words) {
  Wording wording{.allowed = list_of(words), .completion = Completion::kWords};
  wording.words = std::move(words);
  wording.schema = fmt::format(R"("enum": ["{}"])", fmt::join(wording.words, R"(", ")"));
  return wording;
}

std::optional<std::uint32_t> parse_value(const Size& kind, std::string_view text) {
  const auto bytes = within(parse_size(text), kind.low, kind.high);
  return bytes ? std::optional(static_cast<std::uint32_t>(*bytes)) : std::nullopt;
}

std::string show_value(const Size& /*kind*/, std::uint32_t value) {
  return fmt::format("{}", value);
}

ConfigValue config_value(const Size& /*kind*/, std::uint32_t value, std::string_view /*key*/) {
  return std::uint64_t{value};
}

Wording wording_of(const Size& kind) {
  Wording wording = whole_number_wording(kind.low, kind.high, "");
  wording.allowed = fmt::format("a size from {} to {} bytes", wording.low, wording.high);
  return wording;
}

std::optional<double> parse_value(const Rate& /*kind*/, std::string_view text) {
  return parse_rate(text);
}

std::string show_value(const Rate& /*kind*/, double value) { return format_rate(value); }

ConfigValue config_value(const Rate& /*kind*/, double value, std::string_view /*key*/) {
  return value;
}

Wording wording_of(const Rate& kind) {
  Wording wording{.low = format_rate(kLowestRate), .high = format_rate(kHighestRate)};
  wording.allowed = fmt::format("a rate from {} to {}{}", wording.low, wording.high, kind.example);
  wording.schema_type = "number";
  // 0: stages may begin there.
  wording.schema = fmt::format(R"("minimum": 0, "maximum": {:.0f})", kHighestRate);
  return wording;
}

std::optional<std::chrono::nanoseconds> parse_value(const Duration& kind, std::string_view text) {
  const auto duration = parse_duration(text);
  return duration && *duration >= kind.low ? duration : std::nullopt;
}

std::string show_value(const Duration& /*kind*/, std::chrono::nanoseconds value) {
  return format_duration(value);
}

ConfigValue config_value(const Duration& /*kind*/, std::chrono::nanoseconds value,
                         std::string_view key) {
  const double seconds = std::chrono::duration<double>(value).count();
  return key.ends_with("_ms") ? seconds * 1e3 : seconds;
}

Wording wording_of(const Duration& kind) {
  const bool may_be_zero = kind.low.count() == 0;
  Wording wording{.low = may_be_zero ? "0" : format_duration(kind.low), .high = longest_duration()};
  if (may_be_zero) {
    wording.allowed = fmt::format("a duration up to {} such as {}, or 0{}", wording.high,
                                  kind.example, kind.zero_means);
  } else if (kind.low == kAboveZero) {
    wording.allowed =
        fmt::format("a duration above 0, up to {}, such as {}", wording.high, kind.example);
  } else {
    wording.allowed = fmt::format("a duration from {} to {}", wording.low, wording.high);
  }
  wording.schema_type = "number";
  wording.schema = may_be_zero ? R"("minimum": 0)" : R"("exclusiveMinimum": 0)";
  return wording;
}

std::optional<RetryDelay> parse_value(const DelayBounds& /*kind*/, std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const Duration positive{.low = kAboveZero};
  const auto shortest = parse_value(positive, text.substr(0, comma));
  const auto longest = parse_value(positive, text.substr(comma + 1));
  if (!shortest || !longest || *shortest > *longest) return std::nullopt;
  return RetryDelay{*shortest, *longest};
}

std::string show_value(const DelayBounds& /*kind*/, const RetryDelay& value) {
  return fmt::format("{},{}", format_duration(value.shortest), format_duration(value.longest));
}

ConfigValue config_value(const DelayBounds& /*kind*/, const RetryDelay& value,
                         std::string_view key) {
  return std::vector{std::get<double>(config_value(Duration{}, value.shortest, key)),
                     std::get<double>(config_value(Duration{}, value.longest, key))};
}

Wording wording_of(const DelayBounds& /*kind*/) {
  return {.allowed = "two durations above 0, the longer last, such as {default}",
          .schema_type = "array",
          .schema = R"("items": { "type": "number", "exclusiveMinimum": 0 }, )"
                    R"("minItems": 2, "maxItems": 2)"};
}

namespace {

// D:R, such as 30s:1000. A rate of 0 is a pause, or the foot of a ramp.
std::optional<Stage> parse_stage(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto length = parse_duration(text.substr(0, colon));
  const std::string_view rate_text = text.substr(colon + 1);
  const auto rate = rate_text == "0" ? std::optional(0.0) : parse_rate(rate_text);
  if (!length || !rate) return std::nullopt;
  return Stage{*length, *rate};
}

}  // namespace

std::optional<std::vector<Stage>> parse_value(const Stages& /*kind*/, std::string_view text) {
  constexpr std::size_t kMost = 1000;
  std::vector<Stage> stages;
  std::chrono::nanoseconds length{0};
  bool has_rate = false;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    const auto stage = parse_stage(text.substr(0, comma));
    if (!stage || stages.size() == kMost) return std::nullopt;
    length += stage->length;
    if (length > kLongestDuration) return std::nullopt;
    has_rate = has_rate || stage->rate_end > 0;
    stages.push_back(*stage);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
  }
  return length.count() > 0 && has_rate ? std::optional(std::move(stages)) : std::nullopt;
}

std::string show_value(const Stages& /*kind*/, const std::vector<Stage>& value) {
  std::string shown;
  for (const Stage& stage : value) {
    if (!shown.empty()) shown += ',';
    shown += format_duration(stage.length) + ":" +
             (stage.rate_end > 0 ? format_rate(stage.rate_end) : "0");
  }
  return shown;
}

ConfigValue config_value(const Stages& kind, const std::vector<Stage>& value,
                         std::string_view /*key*/) {
  return value.empty() ? ConfigValue(nullptr) : ConfigValue(show_value(kind, value));
}

Wording wording_of(const Stages& /*kind*/) {
  return {.allowed = fmt::format("parts D:R with a comma between them, such as 30s:1000,1m:1000,"
                                 "0s:200; together above 0 and up to {}, with a rate above 0",
                                 longest_duration()),
          .schema_type = "string",
          .schema = R"("minLength": 1)",
          .nullable = true};
}

std::optional<std::vector<double>> parse_value(const Percentiles& kind, std::string_view text) {
  std::vector<double> percentiles;
  while (percentiles.size() < kind.most) {
    const std::size_t comma = text.find(',');
    const auto percentile = parse_percentile(text.substr(0, comma));
    const bool is_new = percentile && std::find(percentiles.begin(), percentiles.end(),
                                                *percentile) == percentiles.end();
    if (!is_new) return std::nullopt;
    percentiles.push_back(*percentile);
    if (comma == std::string_view::npos) return percentiles;
    text.remove_prefix(comma + 1);
  }
  return std::nullopt;
}

std::string show_value(const Percentiles& /*kind*/, const std::vector<double>& value) {
  return fmt::format("{}", fmt::join(value, ","));
}

ConfigValue config_value(const Percentiles& /*kind*/, const std::vector<double>& value,
                         std::string_view /*key*/) {
  return value;
}

Wording wording_of(const Percentiles& kind) {
  return {.allowed = fmt::format("1 to {} different percentiles from 0 to 100, with a comma "
                                 "between them, such as 50,99,99.9",
                                 kind.most),
          .low = "0",
          .high = "100",
          .schema_type = "array",
          .schema = R"("items": { "type": "number", "minimum": 0, "maximum": 100 })"};
}

std::optional<Threshold> parse_value(const Condition& /*kind*/, std::string_view text) {
  auto parsed = parse_threshold(text);
  auto* const threshold = std::get_if<Threshold>(&parsed);
  return threshold != nullptr ? std::optional(std::move(*threshold)) : std::nullopt;
}

std::string show_value(const Condition& /*kind*/, const Threshold& value) {
  return value.expression;
}

Wording wording_of(const Condition& /*kind*/) {
  return {.allowed = "a metric, a comparison and a value, such as p99<50ms or achieved>=98%"};
}

std::optional<std::string> parse_value(const Text& kind, std::string_view text) {
  const bool ends_well =
      kind.endings.empty() ||
      std::any_of(kind.endings.begin(), kind.endings.end(),
                  [&](const std::string& ending) { return text.ends_with(ending); });
  return text.empty() || !ends_well ? std::nullopt : std::optional(std::string{text});
}

std::string show_value(const Text& /*kind*/, const std::string& value) { return value; }

ConfigValue config_value(const Text& /*kind*/, const std::string& value, std::string_view /*key*/) {
  return value.empty() ? ConfigValue(nullptr) : ConfigValue(value);
}

Wording wording_of(const Text& kind) {
  return {.allowed = std::string{kind.allowed},
          .words = kind.words,
          .completion = kind.words.empty() ? kind.completion : Completion::kWords,
          .schema_type = "string",
          .schema = R"("minLength": 1)"};
}

std::optional<bool> parse_value(const Switch& /*kind*/, std::string_view /*text*/) { return true; }

std::string show_value(const Switch& /*kind*/, bool value) { return value ? "on" : ""; }

ConfigValue config_value(const Switch& /*kind*/, bool value, std::string_view /*key*/) {
  return value ? ConfigValue("on") : ConfigValue(nullptr);
}

Wording wording_of(const Switch& /*kind*/) { return {}; }

}  // namespace loadgen
