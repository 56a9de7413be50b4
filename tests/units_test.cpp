#include "base/units.h"

#include <doctest/doctest.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace loadgen;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

// What is a value of no kind at all.
constexpr std::string_view kNotNumbers[] = {
    "",    " ",   "-",    "+",   ".",        "-1",   "+1",   "-0",       "nan",
    "NaN", "inf", "-inf", "1e3", "1E3",      "0x10", "1_0",  "1,000",    "1 000",
    " 1",  "1 ",  "1\n",  "\t1", ".5",       "5.",   "1..5", "1.5.1",    "one",
    "1x",  "1 k", "k",    "--1", "1-",       "1.-5", "1/2",  "\xd9\xa1", "١٠",
    "1%",  "1\"", "'1'",  "1;",  "infinity", "max",  "null", "1k1",      "1kk"};

template <typename Value>
struct Case {
  std::string_view text;
  Value value;
};

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

}  // namespace

TEST_CASE("units: a duration in each unit, and without one in seconds") {
  const Case<nanoseconds> cases[] = {
      {"0", 0s},
      {"0s", 0s},
      {"0.0", 0s},
      {"10", 10s},
      {"010", 10s},
      {"1.5", 1500ms},
      {"1.50", 1500ms},
      {"10s", 10s},
      {"1.5s", 1500ms},
      {"250ms", 250ms},
      {"100us", 100us},
      {"1ns", 1ns},
      {"2h", 2h},
      {"1d", 24h},
      {"90m", 90min},
      {"0.1s", 100ms},
      {"0.5ms", 500us},
      {"0.25d", 6h},
      {"0.000000001s", 1ns},
      {"1000000000ns", 1s},
      {"1m30s", 90s},
      {"1h0m5s", 3605s},
      {"1d2h3m4s5ms6us7ns", 24h + 2h + 3min + 4s + 5ms + 6us + 7ns},
      {"1h500ms", 3600s + 500ms},
      {"1.5h30s", 90min + 30s},
      {"0h5s", 5s},
      {"90s500ms", 90s + 500ms},  // a part may exceed the next larger unit
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(parse_duration(c.text) == c.value);
  }
}

TEST_CASE("units: a duration may not be something else") {
  for (const std::string_view text : kNotNumbers) {
    CAPTURE(text);
    CHECK(parse_duration(text) == std::nullopt);
  }
  for (const std::string_view text :
       {"s",   "1S",   "1sec",   "1 s",  "1s ",    "ms",   "1mS",   "10k",
        "1w",  "1y",   "-1s",    "1s-",  "1m-30s", "1:30", "1m30",  "30s1",
        "1.s", "1s.5", "1.5.5s", "1e3s", "infs",   "nans", "1m 30s"}) {
    CAPTURE(text);
    CHECK(parse_duration(text) == std::nullopt);
  }
}

TEST_CASE("units: the units of a duration fall from left to right") {
  for (const std::string_view text : {"30s1m", "1ms1s", "1ns1us", "1h1d", "5ms10ms1s"}) {
    CAPTURE(text);
    CHECK(parse_duration(text) == std::nullopt);
  }
}

TEST_CASE("units: a duration may not repeat a unit") {
  for (const std::string_view text : {"1s1s", "1m30s30s", "1d1d", "0ns0ns"}) {
    CAPTURE(text);
    CHECK(parse_duration(text) == std::nullopt);
  }
}

TEST_CASE("units: a duration is a whole number of nanoseconds, never rounded") {
  CHECK(parse_duration("1.5us") == 1500ns);
  CHECK(parse_duration("0.5ns") == std::nullopt);
  CHECK(parse_duration("1.0001us") == std::nullopt);
  CHECK(parse_duration("0.0000000001") == std::nullopt);
  CHECK(parse_duration("1.0000000010") == 1s + 1ns);
}

TEST_CASE("units: a long duration may be given to the nanosecond too") {
  CHECK(parse_duration("18.123456789") == 18'123'456'789ns);
  CHECK(parse_duration("20.123456789") == 20'123'456'789ns);
  CHECK(parse_duration("86400.000000001s") == 24h + 1ns);
  CHECK(parse_duration("3.00001d") == 72h + 864ms);
  CHECK(parse_duration("9.999999h") == 10h - 3600us);
}

TEST_CASE("units: a duration is at most 365 days, also in sum") {
  constexpr nanoseconds kYear = 365 * 24h;
  for (const std::string_view text :
       {"365d", "8760h", "525600m", "31536000s", "31536000", "364d24h", "31536000000000000ns"}) {
    CAPTURE(text);
    CHECK(parse_duration(text) == kYear);
  }
  CHECK(parse_duration("364d23h59m59s999ms999us999ns") == kYear - 1ns);
  for (const std::string_view text :
       {"365d1ns", "366d", "8761h", "31536001", "364d24h1ns", "31536000000000001ns", "365d365d",
        "200d5000h", "1h18446744073709551615ns", "18446744073709551615ns", "18446744073709551616ns",
        "18446744073709551615d", "213504d", "99999999999999999999999999999999999999s"}) {
    CAPTURE(text);
    CHECK(parse_duration(text) == std::nullopt);
  }
}

TEST_CASE("units: a rate with and without a suffix") {
  const Case<double> cases[] = {
      {"500", 500},        {"1", 1},       {"0.1", 0.1},    {"333.3", 333.3},
      {"50k", 50e3},       {"50K", 50e3},  {"1.5M", 1.5e6}, {"1G", 1e9},
      {"1000000000", 1e9}, {"1000M", 1e9}, {"0.001k", 1},   {"0.000001", 1e-6},
      {"000500", 500},     {"1.000", 1},   {"0.3", 0.3},    {"999.999999k", 999'999.999}};
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(parse_rate(c.text) == c.value);
  }
}

TEST_CASE("units: a rate is at least one in a million seconds and at most 1e9") {
  for (const std::string_view text : {"0",
                                      "0.0",
                                      "0k",
                                      "0.000",
                                      "0.0000009",
                                      "0.0000000009k",
                                      "0.0000000000000000001",
                                      "1000000001",
                                      "1.000000001G",
                                      "1001M",
                                      "1G1",
                                      "2G",
                                      "1T",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "18446744073709551615G",
                                      "99999999999999999999999999999",
                                      "5m",
                                      "5kB",
                                      "500/s",
                                      "500rps"}) {
    CAPTURE(text);
    CHECK(parse_rate(text) == std::nullopt);
  }
  for (const std::string_view text : kNotNumbers) {
    CAPTURE(text);
    CHECK(parse_rate(text) == std::nullopt);
  }
}

TEST_CASE("units: a count is a whole number that fits 64 bits") {
  const Case<std::uint64_t> cases[] = {{"0", 0},
                                       {"1", 1},
                                       {"10000", 10'000},
                                       {"10k", 10'000},
                                       {"10K", 10'000},
                                       {"1.5M", 1'500'000},
                                       {"2G", 2'000'000'000},
                                       {"1.0", 1},
                                       {"0.5k", 500},
                                       {"1.234k", 1'234},
                                       {"18446744073709551615", kMost},
                                       {"18446744073G", 18'446'744'073'000'000'000U}};
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(parse_count(c.text) == c.value);
  }
  for (const std::string_view text :
       {"0.5", "1.2345k", "1.5", "18446744073709551616", "18446744074G", "18446744073709551615k",
        "100000000000000000000", "1T", "1m", "1B", "1KiB"}) {
    CAPTURE(text);
    CHECK(parse_count(text) == std::nullopt);
  }
  for (const std::string_view text : kNotNumbers) {
    CAPTURE(text);
    CHECK(parse_count(text) == std::nullopt);
  }
}

TEST_CASE("units: a size in decimal and in binary units") {
  const Case<std::uint64_t> cases[] = {{"0", 0},
                                       {"64", 64},
                                       {"64B", 64},
                                       {"1kB", 1'000},
                                       {"1KB", 1'000},
                                       {"1MB", 1'000'000},
                                       {"1GB", 1'000'000'000},
                                       {"4KiB", 4'096},
                                       {"1MiB", 1U << 20},
                                       {"1.5GiB", 3ULL << 29},
                                       {"0.5KiB", 512},
                                       {"0.25kB", 250},
                                       {"18446744073709551615B", kMost}};
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(parse_size(c.text) == c.value);
  }
  for (const std::string_view text :
       {"0.5", "0.3KiB", "1k", "1K", "1M", "1b", "1KIB", "1kib", "1TB", "1 KiB", "B", "KiB", "-1B",
        "18446744073709551616", "18446744073709551615kB", "17179869184GiB"}) {
    CAPTURE(text);
    CHECK(parse_size(text) == std::nullopt);
  }
  for (const std::string_view text : kNotNumbers) {
    CAPTURE(text);
    CHECK(parse_size(text) == std::nullopt);
  }
}

TEST_CASE("units: a plain number is digits and nothing else") {
  CHECK(parse_unsigned("0") == 0U);
  CHECK(parse_unsigned("007") == 7U);
  CHECK(parse_unsigned("18446744073709551615") == kMost);
  for (const std::string_view text : {"18446744073709551616", "1k", "1.0", "1.5", "0x1", "1 2"}) {
    CAPTURE(text);
    CHECK(parse_unsigned(text) == std::nullopt);
  }
  for (const std::string_view text : kNotNumbers) {
    CAPTURE(text);
    CHECK(parse_unsigned(text) == std::nullopt);
  }
}

TEST_CASE("units: text after an embedded NUL is not overlooked") {
  using namespace std::string_view_literals;
  CHECK(parse_duration("1\0s"sv) == std::nullopt);
  CHECK(parse_count("1\0"sv) == std::nullopt);
  CHECK(parse_rate("1\0"sv) == std::nullopt);
  CHECK(parse_size("1\0B"sv) == std::nullopt);
  CHECK(parse_unsigned("1\0"sv) == std::nullopt);
}

TEST_CASE("units: seconds are shown with three decimals") {
  CHECK(format_seconds(0ns) == "0.000s");
  CHECK(format_seconds(10s) == "10.000s");
  CHECK(format_seconds(10'004ms) == "10.004s");
  CHECK(format_seconds(1'999'600us) == "2.000s");
  CHECK(format_seconds(400us) == "0.000s");
  CHECK(format_seconds(365 * 24h) == "31536000.000s");
}

TEST_CASE("units: a latency has three significant digits and a unit that fits") {
  const std::pair<double, std::string_view> cases[] = {
      {0, "0 ns"},          {0.3, "0 ns"},          {1, "1 ns"},         {64, "64 ns"},
      {812, "812 ns"},      {999, "999 ns"},        {999.4, "999 ns"},   {999.6, "1.00 us"},
      {1'000, "1.00 us"},   {1'234, "1.23 us"},     {9'994, "9.99 us"},  {9'996, "10.0 us"},
      {23'400, "23.4 us"},  {99'940, "99.9 us"},    {99'960, "100 us"},  {999'400, "999 us"},
      {999'600, "1.00 ms"}, {1'230'000, "1.23 ms"}, {45.6e6, "45.6 ms"}, {789e6, "789 ms"},
      {999.6e6, "1.00 s"},  {2.01e9, "2.01 s"},     {60e9, "60.0 s"},    {3'600e9, "3600 s"}};
  for (const auto& c : cases) {
    CAPTURE(c.first);
    CHECK(format_latency(c.first) == c.second);
  }
}

TEST_CASE("units: a count has a comma every three digits") {
  CHECK(format_count(0) == "0");
  CHECK(format_count(7) == "7");
  CHECK(format_count(999) == "999");
  CHECK(format_count(1'000) == "1,000");
  CHECK(format_count(12'345) == "12,345");
  CHECK(format_count(123'456) == "123,456");
  CHECK(format_count(1'234'567) == "1,234,567");
  CHECK(format_count(kMost) == "18,446,744,073,709,551,615");
}

TEST_CASE("units: an amount has commas before the point only") {
  CHECK(format_amount(0, 1) == "0.0");
  CHECK(format_amount(999.94, 1) == "999.9");
  CHECK(format_amount(1'000, 0) == "1,000");
  CHECK(format_amount(158'190.55, 4) == "158,190.5500");
  CHECK(format_amount(12'345'678.9, 1) == "12,345,678.9");
}

TEST_CASE("units: one of a thing is not called several") {
  CHECK(format_number(0, "frame") == "0 frames");
  CHECK(format_number(1, "frame") == "1 frame");
  CHECK(format_number(1'234, "frame") == "1,234 frames");
}

TEST_CASE("units: what is shown of a duration is short and reads back") {
  CHECK(format_duration(std::chrono::seconds(0)) == "0s");
  CHECK(format_duration(std::chrono::milliseconds(5)) == "5ms");
  CHECK(format_duration(std::chrono::milliseconds(2'000)) == "2s");
  CHECK(format_duration(std::chrono::microseconds(1'500)) == "1500us");
  CHECK(format_duration(std::chrono::nanoseconds(1'000'001)) == "1000001ns");
  for (const std::int64_t count : {1L, 999L, 1'000L, 61'000'000L, 90'000'000'000L}) {
    const std::chrono::nanoseconds duration(count);
    CHECK(parse_duration(format_duration(duration)) == duration);
  }
}

TEST_CASE("units: a rate is shown in a short form") {
  CHECK(format_rate(1e9) == "1G");
  CHECK(format_rate(500) == "500");
  CHECK(format_rate(0.1) == "0.1");
  CHECK(format_rate(333.3) == "333.3");
  CHECK(format_rate(50'000) == "50k");
  CHECK(format_rate(1'500'000) == "1.5M");
}

TEST_CASE("units: what is shown of a rate reads back as the same rate") {
  for (const std::string_view text :
       {"500",       "0.1",      "0.3",   "333.3",     "1",          "1k",
        "9999.9",    "10k",      "12345", "12345.678", "33333.3",    "50k",
        "999999",    "999999.9", "1M",    "1.5M",      "1234567.89", "3.3M",
        "999999999", "1G",       "0.001", "0.0001",    "0.00001",    "0.000001"}) {
    CAPTURE(text);
    const auto rate = parse_rate(text);
    REQUIRE(rate);
    CAPTURE(format_rate(*rate));
    CHECK(parse_rate(format_rate(*rate)) == rate);
  }
}

TEST_CASE("units: a time is shown in UTC with milliseconds") {
  const auto at = [](std::chrono::milliseconds since_epoch) {
    return format_utc(std::chrono::system_clock::time_point(since_epoch));
  };
  CHECK(at(0ms) == "1970-01-01T00:00:00.000Z");
  CHECK(at(1'769'860'800'123ms) == "2026-01-31T12:00:00.123Z");
  CHECK(at(1'709'251'199'999ms) == "2024-02-29T23:59:59.999Z");
  CHECK(at(1ms) == "1970-01-01T00:00:00.001Z");
  CHECK(format_utc(std::chrono::system_clock::time_point(1'999'999us)) ==
        "1970-01-01T00:00:01.999Z");  // never rounded up into the next second
}

TEST_CASE("units: a time does not depend on the time zone of the machine") {
  const char* zone = std::getenv("TZ");
  const std::optional<std::string> before = zone ? std::optional<std::string>(zone) : std::nullopt;
  setenv("TZ", "UTC+5", 1);
  tzset();
  CHECK(format_utc(std::chrono::system_clock::time_point(0s)) == "1970-01-01T00:00:00.000Z");
  before ? setenv("TZ", before->c_str(), 1) : unsetenv("TZ");
  tzset();
}
