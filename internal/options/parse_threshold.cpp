#include "options/parse_threshold.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "options/nearest_name.h"

namespace loadgen {
namespace {

using Part = Threshold::Part;
using Figure = Threshold::Figure;
using Comparison = Threshold::Comparison;
using Unit = ThresholdUnit;

constexpr std::array<std::pair<std::string_view, Part>, 5> kParts{
    {{"response.", Part::kResponse},
     {"schedule_lag.", Part::kScheduleLag},
     {"queue_wait.", Part::kQueueWait},
     {"batch_wait.", Part::kBatchWait},
     {"write.", Part::kWrite}}};

struct FigureName {
  std::string_view name;
  Figure figure;
  Unit unit;
};
constexpr FigureName kFigures[] = {
    {"stored", Figure::kStored, Unit::kMessages},
    {"lost", Figure::kLost, Unit::kMessages},
    {"dropped", Figure::kDropped, Unit::kMessages},
    {"skipped", Figure::kSkipped, Unit::kMessages},
    {"dead_lettered", Figure::kDeadLettered, Unit::kMessages},
    {"unsent", Figure::kUnsent, Unit::kMessages},
    {"in_doubt", Figure::kInDoubt, Unit::kMessages},
    {"duplicated", Figure::kDuplicated, Unit::kMessages},
    {"stored_rate", Figure::kStoredRate, Unit::kPerSecond},
    {"produced_rate", Figure::kProducedRate, Unit::kPerSecond},
    {"error_rate", Figure::kErrorRate, Unit::kPercent},
    {"achieved", Figure::kAchieved, Unit::kPercent},
    {"cpu_cores", Figure::kCpuCores, Unit::kCores},
    {"rss", Figure::kRss, Unit::kBytes},
};

// A longer one stands before its beginning.
constexpr std::array<std::pair<std::string_view, Comparison>, 5> kComparisons{
    {{"<=", Comparison::kAtMost},
     {">=", Comparison::kAtLeast},
     {"==", Comparison::kEqual},
     {"<", Comparison::kLess},
     {">", Comparison::kGreater}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_of_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

// "12" or "12.5", with at most six decimals.
std::optional<double> parse_decimal(std::string_view text) {
  constexpr std::size_t kMostDecimals = 6;
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const auto all_digits = [](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), is_digit);
  };
  if (!all_digits(whole)) return std::nullopt;
  if (point != std::string_view::npos) {
    const std::string_view decimals = text.substr(point + 1);
    if (!all_digits(decimals) || decimals.size() > kMostDecimals) return std::nullopt;
  }
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<double> within(std::optional<double> value, double high) {
  return value && *value <= high ? value : std::nullopt;
}

template <typename T>
std::optional<double> as_double(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

std::optional<double> parse_of(Unit unit, std::string_view text) {
  constexpr double kMostCores = 1e5;
  switch (unit) {
    case Unit::kNanoseconds: {
      const auto duration = parse_duration(text);
      return duration ? std::optional(static_cast<double>(duration->count())) : std::nullopt;
    }
    case Unit::kMessages:
      return as_double(parse_count(text));
    case Unit::kPerSecond:
      return text == "0" ? 0 : parse_rate(text);
    case Unit::kPercent:
      if (!text.ends_with('%')) return std::nullopt;
      return parse_percentile(text.substr(0, text.size() - 1));
    case Unit::kCores:
      return within(parse_decimal(text), kMostCores);
    case Unit::kBytes:
      return as_double(parse_size(text));
  }
  return std::nullopt;
}

std::string_view allowed_of(Unit unit) {
  switch (unit) {
    case Unit::kNanoseconds:
      return "a duration, such as 50ms";
    case Unit::kMessages:
      return "a number of messages, such as 0 or 10k";
    case Unit::kPerSecond:
      return "a rate per second, such as 500 or 50k";
    case Unit::kPercent:
      return "a percentage from 0% to 100%, with its %, such as 98%";
    case Unit::kCores:
      return "a number of CPU cores, such as 1.5";
    case Unit::kBytes:
      return "a size, such as 200MB";
  }
  return "";
}

std::string unknown_metric(std::string_view word) {
  // The ones that a typing error can be near to.
  std::vector<std::string> names;
  for (const FigureName& figure : kFigures) names.emplace_back(figure.name);
  for (const auto& [prefix, part] : kParts) {
    const std::string_view bare = part == Part::kResponse ? "" : prefix;
    for (const std::string_view statistic : {"p50", "p90", "p95", "p99", "max", "mean"}) {
      names.push_back(fmt::format("{}{}", bare, statistic));
    }
  }
  const std::string nearest = nearest_name(word, names);
  const std::string hint = nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
  return fmt::format(
      "{} is no metric{} (p0 to p100, max and mean, or the same of schedule_lag, queue_wait, "
      "batch_wait and write, such as write.p99; stored, lost, dropped, skipped, dead_lettered, "
      "unsent, in_doubt, duplicated, stored_rate, produced_rate, error_rate, achieved, cpu_cores, "
      "rss)",
      word, hint);
}

// "p99", "p99.9", "p99_9", "max" or "mean".
std::optional<Threshold::Latency> parse_statistic(Part part, std::string_view word) {
  if (word == "max") return Threshold::Latency{part, Threshold::Statistic::kMax};
  if (word == "mean") return Threshold::Latency{part, Threshold::Statistic::kMean};
  if (!word.starts_with('p')) return std::nullopt;
  std::string number(word.substr(1));
  std::replace(number.begin(), number.end(), '_', '.');
  const auto percentile = parse_percentile(number);
  if (!percentile) return std::nullopt;
  return Threshold::Latency{part, Threshold::Statistic::kPercentile, *percentile};
}

// Blanks are free between words, and between a number and its unit, but not within a number.
std::optional<std::string> without_blanks(std::string_view value) {
  std::string joined;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == ' ') continue;
    const bool after_blank = i > 0 && value[i - 1] == ' ';
    const auto of_number = [](char c) { return is_digit(c) || c == '.'; };
    if (after_blank && !joined.empty() && of_number(joined.back()) && of_number(value[i])) {
      return std::nullopt;
    }
    joined += value[i];
  }
  return joined;
}

// Takes a threshold apart from left to right. Each step returns false when it has found a problem.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::variant<Threshold, std::string> read() {
    Threshold threshold;
    threshold.expression = std::string(rest_);
    if (rest_.size() > kLongestThreshold) {
      return fmt::format("expected at most {} characters", kLongestThreshold);
    }
    if (read_abort(threshold) && read_metric(threshold) && read_comparison(threshold) &&
        read_value(threshold)) {
      return threshold;
    }
    return problem_;
  }

 private:
  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

  // May be empty.
  std::string_view take_word() {
    skip_blanks();
    const auto* const end = std::find_if_not(rest_.begin(), rest_.end(), is_of_word);
    const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(word.size());
    return word;
  }

  bool take(std::string_view sign) {
    skip_blanks();
    if (!rest_.starts_with(sign)) return false;
    rest_.remove_prefix(sign.size());
    return true;
  }

  bool read_abort(Threshold& threshold) {
    const std::string_view whole = rest_;
    if (take_word() != "abort") {
      rest_ = whole;
      return true;
    }
    threshold.abort_window = kAbortWindow;
    if (take("(")) {
      const std::string_view word = take_word();
      const auto window = parse_duration(word);
      if (!window || *window < kShortestAbortWindow || *window > kLongestAbortWindow) {
        return fail("after abort(: expected a duration from 1s to 10m, as in abort(30s): p99<1s");
      }
      if (!take(")")) return fail(fmt::format("after abort({}: expected )", word));
      threshold.abort_window = window;
    }
    if (!take(":")) return fail("after abort: expected a colon, as in abort: p99<1s");
    return true;
  }

  bool read_metric(Threshold& threshold) {
    metric_ = take_word();
    if (metric_.empty()) {
      return fail("expected a metric, a comparison and a value, such as p99<50ms or achieved>=98%");
    }
    for (const auto& [name, figure, unit] : kFigures) {
      if (metric_ == name) threshold.figure = figure;
      if (metric_ == name) return check_abort(threshold);
    }
    threshold.latency = parse_statistic(Part::kResponse, metric_);
    for (const auto& [prefix, part] : kParts) {
      if (!metric_.starts_with(prefix)) continue;
      threshold.latency = parse_statistic(part, metric_.substr(prefix.size()));
    }
    return threshold.latency ? true : fail(unknown_metric(metric_));
  }

  bool check_abort(const Threshold& threshold) {
    const bool is_of_audit =
        threshold.figure == Figure::kLost || threshold.figure == Figure::kDuplicated;
    if (!threshold.abort_window || !is_of_audit) return true;
    return fail(
        fmt::format("{} is known only after the audit, so it cannot abort the run: expected "
                    "it without abort",
                    metric_));
  }

  bool read_comparison(Threshold& threshold) {
    for (const auto& [sign, comparison] : kComparisons) {
      if (!take(sign)) continue;
      threshold.comparison = comparison;
      sign_ = sign;
      return true;
    }
    return fail(fmt::format("after {}: expected <, <=, >, >= or ==", metric_));
  }

  bool read_value(Threshold& threshold) {
    const Unit unit = unit_of(threshold);
    const auto text = without_blanks(rest_);
    const auto value = text ? parse_of(unit, *text) : std::nullopt;
    if (!value) {
      return fail(fmt::format("after {}{}: expected {}", metric_, sign_, allowed_of(unit)));
    }
    threshold.value = *value;
    return true;
  }

  std::string_view rest_;
  std::string_view metric_;
  std::string_view sign_;
  std::string problem_;
};

}  // namespace

std::variant<Threshold, std::string> parse_threshold(std::string_view text) {
  return Reader(text).read();
}

std::optional<double> parse_percentile(std::string_view text) {
  return within(parse_decimal(text), 100);
}

ThresholdUnit unit_of(const Threshold& threshold) {
  if (threshold.latency) return Unit::kNanoseconds;
  const auto* const found =
      std::find_if(std::begin(kFigures), std::end(kFigures),
                   [&](const FigureName& name) { return name.figure == threshold.figure; });
  return found->unit;
}

}  // namespace loadgen
