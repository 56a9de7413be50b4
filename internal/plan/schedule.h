// When each message is due: a pure function of its sequence, without clock or sleep. An absolute
// schedule: message n is due at start + offset(n), however late its predecessors were. Immutable;
// safe to share between threads. Only construction and copying allocate.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "plan/profile.h"

namespace loadgen {

class Schedule {
 public:
  static constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();

  // profile: nullopt = as fast as possible: every message is due when a producer asks for it. Its
  // spacing is fitted to the size, so that every spacing gives a schedule of the same size.
  // duration: 0 = no end. count: nullopt = no bound.
  Schedule(std::optional<Profile> profile, std::chrono::nanoseconds duration,
           std::optional<std::uint64_t> count);

  [[nodiscard]] const std::optional<Profile>& profile() const { return profile_; }
  [[nodiscard]] bool paced() const { return profile_.has_value(); }
  // Messages in the whole schedule, or kUnbounded. Without a profile only the count bounds it.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // When production is due to end, from the start; nullopt = no such time is known.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> end() const { return end_; }
  // True once an unpaced schedule's time is up.
  [[nodiscard]] bool expired(std::chrono::nanoseconds elapsed) const;

  // For paced schedules only. due_by never exceeds size().
  [[nodiscard]] std::chrono::nanoseconds offset(std::uint64_t sequence) const {
    return profile_->when(sequence);
  }
  [[nodiscard]] std::uint64_t due_by(std::chrono::nanoseconds elapsed) const;
  // The schedule with the profile changed by Profile::changed_at, and the same duration and count.
  [[nodiscard]] Schedule changed_at(std::chrono::nanoseconds elapsed, double per_second) const;

 private:
  // due: how many messages keep their due times, whatever the size.
  Schedule(std::optional<Profile> profile, std::chrono::nanoseconds duration,
           std::optional<std::uint64_t> count, std::uint64_t due);

  std::optional<Profile> profile_;
  std::chrono::nanoseconds duration_;
  std::optional<std::uint64_t> count_;
  std::uint64_t size_ = kUnbounded;
  std::optional<std::chrono::nanoseconds> end_;
};

}  // namespace loadgen
