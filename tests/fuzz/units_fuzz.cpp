#include <cmath>
#include <map>

#include "base/units.h"
#include "fuzz.h"

using namespace loadgen;

namespace {

using Units = std::map<std::string, long double, std::less<>>;

const Units kDurations{{"d", 864e11L}, {"h", 36e11L}, {"m", 6e10L}, {"s", 1e9L},
                       {"", 1e9L},     {"ms", 1e6L},  {"us", 1e3L}, {"ns", 1}};
const Units kCounts{{"", 1}, {"k", 1e3L}, {"K", 1e3L}, {"M", 1e6L}, {"G", 1e9L}};
const Units kSizes{{"", 1},          {"B", 1},          {"kB", 1e3L},
                   {"KB", 1e3L},     {"MB", 1e6L},      {"GB", 1e9L},
                   {"KiB", 1 << 10}, {"MiB", 1 << 20L}, {"GiB", 1 << 30L}};

// What the text means, read in the plainest way: the C library's numbers, each with its unit. NaN:
// nothing, for it holds a sign, a blank, an exponent or a unit there is not.
long double meaning(std::string_view text, const Units& units) {
  if (text.find_first_not_of("0123456789.dhmsunkKMGBi") != std::string_view::npos) return NAN;
  const std::string copy(text);
  const char* at = copy.c_str();
  long double sum = 0;
  do {
    char* end = nullptr;
    const long double number = std::strtold(at, &end);
    const std::string_view rest = end;
    const std::string_view name = rest.substr(0, rest.find_first_of("0123456789."));
    const auto unit = units.find(name);
    if (end == at || unit == units.end()) return NAN;
    sum += number * unit->second;
    at = end + name.size();
  } while (*at != '\0');
  return sum;
}

// A long double holds 64 bits: whole numbers exactly, and what strtold and the product round off.
bool is_near(long double value, long double wanted, long double tolerance) {
  return std::fabs(value - wanted) <= wanted * tolerance;
}

template <typename Value>
void check_whole(const std::optional<Value>& parsed, std::string_view text, const Units& units) {
  if (!parsed) return;
  require(is_near(static_cast<long double>(*parsed), meaning(text, units), 1e-18L),
          "a value that is read is what the text says, to the last digit");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(data, size);

  const auto duration = parse_duration(text);
  if (duration) {
    check_whole(std::optional(duration->count()), text, kDurations);
    require(*duration >= duration->zero() && *duration <= std::chrono::hours(24 * 365),
            "a duration is at most 365 days");
    require(parse_duration(std::to_string(duration->count()) + "ns") == duration,
            "a duration reads back from its nanoseconds");
  }

  const auto count = parse_count(text);
  check_whole(count, text, kCounts);
  check_whole(parse_size(text), text, kSizes);
  if (const auto number = parse_unsigned(text)) {
    require(count == number && parse_size(text) == number, "a plain number is a count and a size");
    std::string shown = format_count(*number);
    std::erase(shown, ',');
    require(parse_unsigned(shown) == number, "a count reads back without its commas");
  }

  if (const auto rate = parse_rate(text)) {
    require(is_near(*rate, meaning(text, kCounts), 1e-15L), "a rate is what the text says");
    require(*rate >= 1e-6 && *rate <= 1e9, "a rate is in its range");
    const auto again = parse_rate(format_rate(*rate));
    require(again && is_near(*again, *rate, 1e-9L), "a rate reads back from what is shown of it");
  } else if (count) {
    require(*count == 0 || *count > 1'000'000'000, "a count within a rate's range is a rate");
  }
  return 0;
}
