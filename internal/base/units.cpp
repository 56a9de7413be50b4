#include "base/units.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

namespace loadgen {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kDurationUnits{
    Unit{"d", 86'400'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},
    Unit{"us", 1'000},
    Unit{"ns", 1},
};
constexpr std::array kCountUnits{
    Unit{"", 1}, Unit{"k", 1'000}, Unit{"K", 1'000}, Unit{"M", 1'000'000}, Unit{"G", 1'000'000'000},
};
constexpr std::array kSizeUnits{
    Unit{"", 1},           Unit{"B", 1},          Unit{"kB", 1'000},
    Unit{"KB", 1'000},     Unit{"MB", 1'000'000}, Unit{"GB", 1'000'000'000},
    Unit{"KiB", 1U << 10}, Unit{"MiB", 1U << 20}, Unit{"GiB", 1U << 30},
};
constexpr auto kMostNanoseconds = static_cast<std::uint64_t>(kLongestDuration.count());

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// digits / 10^decimals, exactly; trailing zeros of the fraction are not kept.
struct Decimal {
  std::uint64_t digits = 0;
  std::uint64_t power = 1;  // 10^decimals
};

// Takes "12" or "12.5" off the front of text.
std::optional<Decimal> take_decimal(std::string_view& text) {
  std::size_t whole_end = 0;
  while (whole_end < text.size() && is_digit(text[whole_end])) ++whole_end;
  if (whole_end == 0) return std::nullopt;
  std::string digits(text.substr(0, whole_end));
  text.remove_prefix(whole_end);
  std::string_view fraction;
  if (!text.empty() && text.front() == '.') {
    std::size_t end = 1;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end == 1) return std::nullopt;
    fraction = text.substr(1, end - 1);
    text.remove_prefix(end);
    while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
    digits += fraction;
  }
  const auto value = parse_unsigned(digits);
  if (!value || fraction.size() > 18) return std::nullopt;
  Decimal decimal{.digits = *value};
  for (std::size_t i = 0; i < fraction.size(); ++i) decimal.power *= 10;
  return decimal;
}

std::string_view take_name(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && !is_digit(text[end])) ++end;
  const std::string_view name = text.substr(0, end);
  text.remove_prefix(end);
  return name;
}

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// In the digits before `end`.
void separate_thousands(std::string& text, std::size_t end) {
  for (auto at = static_cast<std::ptrdiff_t>(end) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
}

// decimal * factor as a whole number; nullopt when it is none or does not fit.
std::optional<std::uint64_t> scale(Decimal decimal, std::uint64_t factor) {
  const std::uint64_t shared = std::gcd(factor, decimal.power);
  factor /= shared;
  decimal.power /= shared;
  if (decimal.digits % decimal.power != 0) return std::nullopt;
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(decimal.digits / decimal.power, factor, &product)) return std::nullopt;
  return product;
}

std::optional<std::uint64_t> parse_whole(std::string_view text, std::span<const Unit> units) {
  const auto decimal = take_decimal(text);
  if (!decimal) return std::nullopt;
  const Unit* unit = find_unit(units, text);
  if (unit == nullptr) return std::nullopt;
  return scale(*decimal, unit->factor);
}

}  // namespace

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  std::uint64_t total = 0;
  std::uint64_t last_factor = std::numeric_limits<std::uint64_t>::max();
  const bool plain_number = text.find_first_not_of("0123456789.") == std::string_view::npos;
  do {
    const auto decimal = take_decimal(text);
    if (!decimal) return std::nullopt;
    const Unit* unit = find_unit(kDurationUnits, plain_number ? "s" : take_name(text));
    if (unit == nullptr || unit->factor >= last_factor) return std::nullopt;
    last_factor = unit->factor;
    const auto part = scale(*decimal, unit->factor);
    if (!part || *part > kMostNanoseconds || (total += *part) > kMostNanoseconds) {
      return std::nullopt;
    }
  } while (!text.empty());
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

std::optional<double> parse_rate(std::string_view text) {
  const auto decimal = take_decimal(text);
  if (!decimal) return std::nullopt;
  const Unit* unit = find_unit(kCountUnits, text);
  if (unit == nullptr) return std::nullopt;
  const double rate = static_cast<double>(decimal->digits) * static_cast<double>(unit->factor) /
                      static_cast<double>(decimal->power);
  if (rate < kLowestRate || rate > kHighestRate) return std::nullopt;
  return rate;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  return parse_whole(text, kCountUnits);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_whole(text, kSizeUnits);
}

std::string format_seconds(std::chrono::nanoseconds duration) {
  return fmt::format("{:.3f}s", std::chrono::duration<double>(duration).count());
}

std::string format_latency(double nanoseconds) {
  struct Step {
    double factor;
    std::string_view unit;
  };
  constexpr std::array kSteps{Step{1e9, "s"}, Step{1e6, "ms"}, Step{1e3, "us"}, Step{1, "ns"}};
  for (const Step& step : kSteps) {
    const double value = nanoseconds / step.factor;
    // 0.9995 would print as 1.00 of this unit anyway.
    if (value < 0.9995) continue;
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, step.factor == 1 ? 0 : decimals, step.unit);
  }
  return "0 ns";
}

std::string format_count(std::uint64_t count) {
  std::string text = fmt::format("{}", count);
  separate_thousands(text, text.size());
  return text;
}

std::string format_amount(double amount, int decimals) {
  std::string text = fmt::format("{:.{}f}", amount, decimals);
  separate_thousands(text, std::min(text.size(), text.find('.')));
  return text;
}

std::string format_number(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", format_count(count), noun, count == 1 ? "" : "s");
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  for (const std::string_view name : {"s", "ms", "us"}) {
    const Unit* unit = find_unit(kDurationUnits, name);
    if (count % unit->factor == 0) return fmt::format("{}{}", count / unit->factor, name);
  }
  return fmt::format("{}ns", count);
}

std::string format_rate(double per_second) {
  if (per_second >= 1e9) return fmt::format("{}G", per_second / 1e9);
  if (per_second >= 1e6) return fmt::format("{}M", per_second / 1e6);
  if (per_second >= 1e4) return fmt::format("{}k", per_second / 1e3);
  std::string text = fmt::format("{}", per_second);
  if (text.find('e') != std::string::npos) {  // parse_rate reads no exponents
    text = fmt::format("{:.15f}", per_second);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}

std::string format_utc(std::chrono::system_clock::time_point when) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(when);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(when - whole).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(whole)), milliseconds);
}

}  // namespace loadgen
