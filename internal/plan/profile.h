// The rate of a run over time, piecewise linear: constant stretches, ramps and pauses. A value
// without clock or sleep. Immutable; safe to share between threads. Only construction and copying
// allocate.
//
// Let I(t) be the integral of the rate from the start to t: how many messages have accrued. Message
// n is due when I(t) exceeds its point (Spacing), rounded to the nanosecond. With even spacing the
// point is n: message 0 is due at the first instant with a rate above 0, and none during a pause.
// Each due time is computed from n, never by adding up
// intervals, so nothing drifts. A due time is exact to a nanosecond, within the precision of a
// double (53 bits) for n. Numbers of messages are exact up to 2^53.
//
// "As fast as possible" means that there is no profile.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "plan/spacing.h"

namespace loadgen {

class Profile {
 public:
  // The due time of a message that is never due: 95 years from the start, so that adding it to a
  // time does not overflow.
  static constexpr std::chrono::nanoseconds kNever{3'000'000'000'000'000'000};

  // Rates are messages per second, finite and not negative.
  struct Piece {
    // Pieces of length 0 are ignored, except that the last piece's rate_end goes on for ever.
    std::chrono::nanoseconds length;
    double rate_begin;
    double rate_end;
  };

  static Profile constant(double per_second);
  // The pieces in order, at least one. The rate_end of the last one continues for ever.
  static Profile of_pieces(std::span<const Piece> pieces);

  // When a message is due, counted from the start, or kNever. Never earlier than its predecessor.
  [[nodiscard]] std::chrono::nanoseconds when(std::uint64_t sequence) const;
  // The same rates, with the messages spread by another spacing. The total may change.
  [[nodiscard]] Profile spaced(const Spacing& spacing) const;
  [[nodiscard]] const Spacing& spacing() const { return spacing_; }

  // How many messages are due at or before `elapsed`; the exact inverse of when().
  [[nodiscard]] std::uint64_t due_by(std::chrono::nanoseconds elapsed) const;

  // 0 before the start. Where it jumps, the rate after the jump.
  [[nodiscard]] double rate_at(std::chrono::nanoseconds elapsed) const;
  // I(elapsed), with the fraction of a message that has accrued.
  [[nodiscard]] double messages(std::chrono::nanoseconds elapsed) const;

  // The same profile up to and including `elapsed`, then this rate. The fraction of a message that
  // has accrued by then is kept. Before the start: only this rate.
  [[nodiscard]] Profile changed_at(std::chrono::nanoseconds elapsed, double per_second) const;

  // when() in seconds, not rounded; infinity for never.
  [[nodiscard]] double due_s(std::uint64_t sequence) const;
  // The seconds until this many messages have accrued. Each message stands for the time until the
  // next one, including the last. If they never accrue: the seconds until the last pause.
  [[nodiscard]] double length_s(std::uint64_t messages) const;
  // The mean rate over length_s(messages).
  [[nodiscard]] double mean_rate(std::uint64_t messages) const;

 private:
  // From its begin to the begin of the next one; the last one is constant and has no end.
  struct Segment {
    std::chrono::nanoseconds from;
    std::chrono::nanoseconds length;  // of the whole ramp, though a change may have cut it short
    double rate_begin;
    double rate_end;
    std::uint64_t first = 0;  // the lowest sequence that is due in it or later
    double before = 0;        // messages that had accrued when it began

    [[nodiscard]] bool is_constant() const { return rate_begin == rate_end; }
    [[nodiscard]] double from_s() const;
    // How many messages accrue in it in this time.
    [[nodiscard]] double accrued(std::chrono::nanoseconds time) const;
    // The time in which `messages` accrue, in units of 1 / units_per_s seconds.
    [[nodiscard]] double time_to(double messages, double units_per_s) const;
    [[nodiscard]] double ramp_time_to(double messages, double units_per_s) const;
  };

  void append(Segment segment);
  [[nodiscard]] const Segment& segment_of(std::uint64_t sequence) const;
  [[nodiscard]] const Segment& segment_at(std::chrono::nanoseconds elapsed) const;

  std::vector<Segment> segments_;
  Spacing spacing_;
};

}  // namespace loadgen
