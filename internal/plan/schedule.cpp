#include "plan/schedule.h"

#include <algorithm>
#include <cmath>

namespace loadgen {

using std::chrono::nanoseconds;

nanoseconds EvenArrival::offset(std::uint64_t sequence) const {
  // A double keeps 53 bits: the error stays below a nanosecond for the first 30 days of a run.
  constexpr double kFarthest = 3e18;  // 95 years, in ns: sums of it and a time of day stay in range
  return nanoseconds(
      std::llround(std::min(static_cast<double>(sequence) * 1e9 / per_second, kFarthest)));
}

std::uint64_t EvenArrival::due_by(nanoseconds elapsed) const {
  if (elapsed.count() < 0) return 0;
  // The estimate is off by one at most; settle it by the same rounding that offset() uses.
  auto due = static_cast<std::uint64_t>(static_cast<double>(elapsed.count()) / 1e9 * per_second);
  while (offset(due) <= elapsed) ++due;
  while (due > 0 && offset(due - 1) > elapsed) --due;
  return due;
}

Schedule::Schedule(Arrival arrival, nanoseconds duration, std::optional<std::uint64_t> count)
    : arrival_(arrival) {
  if (count) size_ = *count;
  if (duration.count() > 0) end_ = duration;
  const auto* even = std::get_if<EvenArrival>(&arrival_);
  if (even == nullptr) return;
  if (end_) size_ = std::min(size_, even->due_by(*end_ - nanoseconds(1)));  // due before the end
  if (count && size_ == *count) {
    const nanoseconds last_due = even->offset(size_ - 1);
    end_ = end_ ? std::min(*end_, last_due) : last_due;
  }
}

bool Schedule::expired(nanoseconds elapsed) const { return !paced() && end_ && elapsed >= *end_; }

nanoseconds Schedule::offset(std::uint64_t sequence) const {
  return std::get<EvenArrival>(arrival_).offset(sequence);
}

std::uint64_t Schedule::due_by(nanoseconds elapsed) const {
  return std::min(size_, std::get<EvenArrival>(arrival_).due_by(elapsed));
}

}  // namespace loadgen
