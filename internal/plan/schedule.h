// When each message is due: a pure function of its sequence, with no clock and no sleep inside. An
// absolute schedule: message n is due at start + offset(n), however late its predecessors were.
// Immutable; safe to share between threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <variant>

namespace loadgen {

// As fast as possible: every message is due the moment a producer asks for it.
struct UnpacedArrival {};

// Evenly spaced: message n is due at n / per_second. Computed from n each time, never by adding up
// rounded intervals, so it does not drift.
struct EvenArrival {
  double per_second;

  [[nodiscard]] std::chrono::nanoseconds offset(std::uint64_t sequence) const;
  // How many messages are due at or before `elapsed`; the exact inverse of offset().
  [[nodiscard]] std::uint64_t due_by(std::chrono::nanoseconds elapsed) const;
};

using Arrival = std::variant<UnpacedArrival, EvenArrival>;

class Schedule {
 public:
  static constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();

  // duration: 0 = no end. count: nullopt = no bound.
  Schedule(Arrival arrival, std::chrono::nanoseconds duration, std::optional<std::uint64_t> count);

  [[nodiscard]] bool paced() const { return std::holds_alternative<EvenArrival>(arrival_); }
  // Messages in the whole schedule, or kUnbounded. Unpaced, only the count bounds it.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // When production is due to end, from the start; nullopt = open end (or unpaced, by count alone).
  [[nodiscard]] std::optional<std::chrono::nanoseconds> end() const { return end_; }
  // True once an unpaced schedule's time is up.
  [[nodiscard]] bool expired(std::chrono::nanoseconds elapsed) const;

  // Both for paced schedules only. due_by never exceeds size().
  [[nodiscard]] std::chrono::nanoseconds offset(std::uint64_t sequence) const;
  [[nodiscard]] std::uint64_t due_by(std::chrono::nanoseconds elapsed) const;

 private:
  Arrival arrival_;
  std::uint64_t size_ = kUnbounded;
  std::optional<std::chrono::nanoseconds> end_;
};

}  // namespace loadgen
