#include <cmath>
#include <optional>
#include <string>
#include <variant>

#include "fuzz.h"
#include "options/parse_threshold.h"

using namespace loadgen;

namespace {

void check(const Threshold& threshold) {
  require(std::isfinite(threshold.value) && threshold.value >= 0,
          "a value is a number that is not negative");
  if (threshold.latency) {
    const double percentile = threshold.latency->percentile;
    require(percentile >= 0 && percentile <= 100, "a percentile is from 0 to 100");
    require(unit_of(threshold) == ThresholdUnit::kNanoseconds, "a latency is a duration");
  }
  if (unit_of(threshold) == ThresholdUnit::kPercent) {
    require(threshold.value <= 100, "a percentage is at most 100");
  }
  if (threshold.abort_window) {
    require(*threshold.abort_window >= std::chrono::seconds(1) &&
                *threshold.abort_window <= std::chrono::minutes(10),
            "a window is from 1s to 10m");
  }
}

bool mean_the_same(const Threshold& one, const Threshold& other) {
  const bool same_metric = one.latency && other.latency
                               ? one.latency->part == other.latency->part &&
                                     one.latency->statistic == other.latency->statistic &&
                                     one.latency->percentile == other.latency->percentile
                               : !one.latency && !other.latency && one.figure == other.figure;
  return same_metric && one.comparison == other.comparison && one.value == other.value &&
         one.abort_window == other.abort_window;
}

// Each blank twice, and some around it.
std::string with_more_blanks(std::string_view text) {
  std::string spaced = " ";
  for (const char c : text) spaced.append(c == ' ' ? 2 : 1, c);
  return spaced + " ";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(data, size);
  const auto parsed = parse_threshold(text);
  if (const auto* const problem = std::get_if<std::string>(&parsed)) {
    require(!problem->empty() && is_one_line(*problem), "what is wrong is said in one line");
    return 0;
  }
  const auto& threshold = std::get<Threshold>(parsed);
  require(threshold.expression == text, "the expression is kept as it was written");
  require(is_one_line(threshold.expression), "an expression is one line of plain text");
  check(threshold);
  const auto again = parse_threshold(with_more_blanks(text));
  const auto* const spaced = std::get_if<Threshold>(&again);
  require(spaced != nullptr ? mean_the_same(threshold, *spaced)
                            : with_more_blanks(text).size() > kLongestThreshold,
          "more blanks change nothing");
  return 0;
}
