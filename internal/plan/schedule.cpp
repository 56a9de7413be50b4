#include "plan/schedule.h"

#include <algorithm>
#include <utility>

namespace loadgen {

using std::chrono::nanoseconds;

Schedule::Schedule(std::optional<Profile> profile, nanoseconds duration,
                   std::optional<std::uint64_t> count)
    : Schedule(std::move(profile), duration, count, 0) {}

Schedule::Schedule(std::optional<Profile> profile, nanoseconds duration,
                   std::optional<std::uint64_t> count, std::uint64_t due)
    : profile_(std::move(profile)), duration_(duration), count_(count) {
  if (count) size_ = *count;
  if (duration.count() > 0) end_ = duration;
  if (!profile_) return;
  const bool is_even = profile_->spacing().is_even();
  if (end_) {
    const Profile even = is_even ? *profile_ : profile_->spaced({});
    size_ = std::min(size_, even.due_by(*end_ - nanoseconds(1)));  // before the end
  }
  if (!is_even && size_ != kUnbounded) {
    const double last = end_ ? profile_->messages(*end_) : static_cast<double>(size_);
    profile_ = profile_->spaced(profile_->spacing().ending_at(size_, last, due));
  }
  if (count && size_ == *count) {
    const nanoseconds last_due = profile_->when(size_ - 1);
    end_ = end_ ? std::min(*end_, last_due) : last_due;
  }
}

bool Schedule::expired(nanoseconds elapsed) const { return !paced() && end_ && elapsed >= *end_; }

std::uint64_t Schedule::due_by(nanoseconds elapsed) const {
  return std::min(size_, profile_->due_by(elapsed));
}

Schedule Schedule::changed_at(nanoseconds elapsed, double per_second) const {
  return {profile_->changed_at(elapsed, per_second), duration_, count_, due_by(elapsed)};
}

}  // namespace loadgen
