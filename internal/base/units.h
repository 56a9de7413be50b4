// Values as people write them: durations, rates, counts and sizes. Pure functions, strict: the
// whole text must be one value; no sign, no blanks, no exponent, no NaN, no overflow. nullopt = not
// a valid value (the caller reports what is allowed).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace loadgen {

// No sum of two durations overflows.
inline constexpr std::chrono::nanoseconds kLongestDuration = std::chrono::hours(365 * 24);
// One event in 11 days.
inline constexpr double kLowestRate = 1e-6;
inline constexpr double kHighestRate = 1e9;

// "10" (seconds), "1.5s", "250ms", "1m30s", "100us", "1ns", "2h", "1d". Units fall from left to
// right. At most kLongestDuration.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

// Events per second: "500", "0.1", "50k", "1.5M", "1G". From kLowestRate to kHighestRate.
std::optional<double> parse_rate(std::string_view text);

// "10000", "10k", "1.5M", "2G": a whole number.
std::optional<std::uint64_t> parse_count(std::string_view text);

// Bytes: "64", "64B", "4KiB", "1MB", "1.5GiB": a whole number.
std::optional<std::uint64_t> parse_size(std::string_view text);

// A plain decimal number that fits, digits only.
std::optional<std::uint64_t> parse_unsigned(std::string_view text);

// "1.234s" style, three decimals; for results.
std::string format_seconds(std::chrono::nanoseconds duration);

// Three significant digits and a fitting unit: "812 ns", "23.4 us", "1.23 ms", "2.01 s".
std::string format_latency(double nanoseconds);

// With thousands separators: "1,234,567".
std::string format_count(std::uint64_t count);

// Likewise, with this many decimals: "158,190.5".
std::string format_amount(double amount, int decimals);

// "1 frame", "1,234 frames".
std::string format_number(std::uint64_t count, std::string_view noun);

// "5ms", "1500us", "10s": a form parse_duration reads back.
std::string format_duration(std::chrono::nanoseconds duration);

// "500", "50k", "1.5M": the shortest form parse_rate reads back.
std::string format_rate(double per_second);

// ISO 8601 with milliseconds, in UTC: "2026-01-31T12:00:00.123Z".
std::string format_utc(std::chrono::system_clock::time_point when);

}  // namespace loadgen
