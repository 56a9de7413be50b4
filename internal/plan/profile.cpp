#include "plan/profile.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <limits>

namespace loadgen {

using std::chrono::nanoseconds;

namespace {

constexpr double kNsPerS = 1e9;
constexpr double kNoTime = std::numeric_limits<double>::infinity();

double seconds(nanoseconds time) { return static_cast<double>(time.count()) / kNsPerS; }

// How long a ramp that rises from `rate` takes until this many messages have accrued: the root of
// rate t + slope t^2 / 2 = messages, written so that nothing cancels and that, despite rounding, it
// never falls when `messages` rises.
double rise_time(double rate, double slope, double messages) {
  if (messages <= 0) return 0;
  const double q = rate / (2 * messages);
  return 1 / (q + std::sqrt(q * q + slope / (2 * messages)));
}

}  // namespace

double Profile::Segment::from_s() const { return seconds(from); }

double Profile::Segment::accrued(nanoseconds time) const {
  const double time_s = seconds(time);
  if (is_constant()) return time_s * rate_begin;
  return time_s * (rate_begin + (rate_end - rate_begin) * (time_s / (2 * seconds(length))));
}

double Profile::Segment::time_to(double messages, double units_per_s) const {
  messages = std::max(0.0, messages);
  if (is_constant()) return rate_begin > 0 ? messages * units_per_s / rate_begin : kNoTime;
  return ramp_time_to(messages, units_per_s);
}

double Profile::Segment::ramp_time_to(double messages, double units_per_s) const {
  const double length_s = seconds(length);
  const double slope = std::abs(rate_end - rate_begin) / length_s;
  if (rate_begin < rate_end) return units_per_s * rise_time(rate_begin, slope, messages);
  // A falling ramp is a rising one seen from its end.
  const double left = length_s * (rate_begin + rate_end) / 2 - messages;
  const double whole = static_cast<double>(length.count()) * (units_per_s / kNsPerS);
  return std::max(0.0, whole - units_per_s * rise_time(rate_end, slope, left));
}

Profile Profile::constant(double per_second) {
  Profile profile;
  profile.append({.from = {}, .length = {}, .rate_begin = per_second, .rate_end = per_second});
  return profile;
}

Profile Profile::of_pieces(std::span<const Piece> pieces) {
  assert(!pieces.empty());
  Profile profile;
  nanoseconds from{0};
  for (const Piece& piece : pieces) {
    if (piece.length.count() <= 0) continue;
    profile.append({.from = from,
                    .length = piece.length,
                    .rate_begin = piece.rate_begin,
                    .rate_end = piece.rate_end});
    from += piece.length;
  }
  const double last = pieces.back().rate_end;
  profile.append({.from = from, .length = {}, .rate_begin = last, .rate_end = last});
  return profile;
}

void Profile::append(Segment segment) {
  assert(segment.rate_begin >= 0 && std::isfinite(segment.rate_begin));
  assert(segment.rate_end >= 0 && std::isfinite(segment.rate_end));
  if (!segments_.empty()) {
    segment.first = due_by(segment.from - nanoseconds(1));
    segment.before = messages(segment.from);
  }
  segments_.push_back(segment);
}

const Profile::Segment& Profile::segment_of(std::uint64_t sequence) const {
  if (segments_.back().first <= sequence) return segments_.back();  // the usual case
  // The last segment that begins with this message; earlier ones are pauses, or too short for a
  // message.
  const auto after =
      std::upper_bound(std::next(segments_.begin()), segments_.end(), sequence,
                       [](std::uint64_t n, const Segment& segment) { return n < segment.first; });
  return *std::prev(after);
}

const Profile::Segment& Profile::segment_at(nanoseconds elapsed) const {
  if (segments_.back().from <= elapsed) return segments_.back();  // the usual case
  const auto after =
      std::upper_bound(std::next(segments_.begin()), segments_.end(), elapsed,
                       [](nanoseconds t, const Segment& segment) { return t < segment.from; });
  return *std::prev(after);
}

nanoseconds Profile::when(std::uint64_t sequence) const {
  const Segment& segment = segment_of(sequence);
  const double time_ns = segment.time_to(spacing_.point_of(sequence) - segment.before, kNsPerS);
  if (time_ns >= static_cast<double>((kNever - segment.from).count())) return kNever;
  return segment.from + nanoseconds(std::llround(time_ns));
}

std::uint64_t Profile::due_by(nanoseconds elapsed) const {
  if (elapsed.count() < 0) return 0;
  elapsed = std::min(elapsed, kNever - nanoseconds(1));
  // The estimate may be off by about one; correct it with the same rounding that when() uses.
  std::uint64_t due = spacing_.count_by(messages(elapsed));
  while (when(due) <= elapsed) ++due;
  while (due > 0 && when(due - 1) > elapsed) --due;
  return due;
}

Profile Profile::spaced(const Spacing& spacing) const {
  Profile profile;
  profile.spacing_ = spacing;
  for (const Segment& segment : segments_) profile.append(segment);
  return profile;
}

double Profile::rate_at(nanoseconds elapsed) const {
  if (elapsed.count() < 0) return 0;
  const Segment& segment = segment_at(elapsed);
  if (segment.is_constant()) return segment.rate_begin;
  const double share = seconds(elapsed - segment.from) / seconds(segment.length);
  return segment.rate_begin + (segment.rate_end - segment.rate_begin) * share;
}

double Profile::messages(nanoseconds elapsed) const {
  if (elapsed.count() < 0) return 0;
  const Segment& segment = segment_at(elapsed);
  return segment.before + segment.accrued(elapsed - segment.from);
}

Profile Profile::changed_at(nanoseconds elapsed, double per_second) const {
  if (elapsed.count() < 0) return constant(per_second);
  Profile changed = *this;
  std::erase_if(changed.segments_, [&](const Segment& segment) { return segment.from > elapsed; });
  changed.append({.from = elapsed + nanoseconds(1),
                  .length = {},
                  .rate_begin = per_second,
                  .rate_end = per_second});
  return changed;
}

double Profile::due_s(std::uint64_t sequence) const {
  const Segment& segment = segment_of(sequence);
  return segment.from_s() + segment.time_to(spacing_.point_of(sequence) - segment.before, 1);
}

double Profile::length_s(std::uint64_t messages) const {
  const auto wanted = static_cast<double>(messages);
  const auto after = std::lower_bound(
      std::next(segments_.begin()), segments_.end(), wanted,
      [](const Segment& segment, double accrued) { return segment.before < accrued; });
  const Segment& segment = *std::prev(after);
  const double end_s = segment.from_s() + segment.time_to(wanted - segment.before, 1);
  if (after != segments_.end()) return std::min(end_s, after->from_s());
  return std::isfinite(end_s) ? end_s : segment.from_s();
}

double Profile::mean_rate(std::uint64_t messages) const {
  if (segments_.size() == 1) return segments_.front().rate_begin;
  const double time_s = length_s(messages);
  return time_s > 0 ? static_cast<double>(messages) / time_s : rate_at(nanoseconds(0));
}

}  // namespace loadgen
