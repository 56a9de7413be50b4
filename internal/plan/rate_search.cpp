#include "plan/rate_search.h"

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace loadgen {
namespace {

constexpr int kMostUnclear = 2;
// A database that does not sustain this share of the first rate will hardly sustain anything.
constexpr double kLowestShare = 1.0 / 4096;

}  // namespace

std::optional<RateSearch::Trial> RateSearch::next() const {
  double rate = settings_.from;
  auto length = settings_.step;
  if (passed_ && failed_) {
    if (*failed_ <= *passed_ * (1 + settings_.precision)) return std::nullopt;
    // Whole numbers, where they are near enough to be told apart.
    rate = std::sqrt(*passed_ * *failed_);
    if (rate > 100) rate = std::round(rate);
    if (rate <= *passed_ || rate >= *failed_) return std::nullopt;
    length *= 2;
  } else if (passed_) {
    rate = *passed_ * 2;
    const double highest = std::min(kHighestRate, settings_.limit.value_or(kHighestRate));
    if (*passed_ >= highest) return std::nullopt;
    rate = std::min(rate, highest);
  } else if (failed_) {
    rate = *failed_ / 2;
    if (rate < std::max(kLowestRate, settings_.from * kLowestShare)) return std::nullopt;
  }
  return Trial{rate, length * (1 << unclear_)};
}

void RateSearch::record(Outcome outcome) {
  const std::optional<Trial> trial = next();
  if (!trial) return;
  if (outcome == Outcome::kUnclear && unclear_ < kMostUnclear) {
    ++unclear_;
    return;
  }
  unclear_ = 0;
  (outcome == Outcome::kPassed ? passed_ : failed_) = trial->rate;
}

}  // namespace loadgen
