// Thresholds and percentiles as people write them: "p99<50ms", "abort(30s): error_rate <= 0.5%".
// Pure functions, strict: what is read is a whole threshold, with nothing before or after it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "options/threshold.h"

namespace loadgen {

inline constexpr std::size_t kMostThresholds = 100;
inline constexpr std::size_t kLongestThreshold = 200;  // characters
inline constexpr std::chrono::seconds kAbortWindow{10};
inline constexpr std::chrono::seconds kShortestAbortWindow{1};
inline constexpr std::chrono::minutes kLongestAbortWindow{10};

// The threshold, or what is wrong with the text and what is allowed: one line.
std::variant<Threshold, std::string> parse_threshold(std::string_view text);

// "50", "99.95": from 0 to 100, with at most six decimals.
std::optional<double> parse_percentile(std::string_view text);

// What Threshold::value and the observed value are numbers of.
enum class ThresholdUnit { kNanoseconds, kMessages, kPerSecond, kPercent, kCores, kBytes };
ThresholdUnit unit_of(const Threshold& threshold);

}  // namespace loadgen
