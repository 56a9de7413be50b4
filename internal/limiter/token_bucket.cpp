#include "limiter/token_bucket.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace loadgen {

TokenBucket::TokenBucket(Schedule schedule, Limits limits, Clock& clock)
    : limits_(limits), window_(limits.max_lag ? nanoseconds(0) : kWindow), clock_(clock) {
  eras_.push_back({.schedule = std::move(schedule)});
}

void TokenBucket::start(TimePoint start) {
  const std::lock_guard lock(mutex_);
  start_ = start;
}

std::size_t TokenBucket::acquire(std::span<Ticket> out, const std::stop_token& stop) {
  assert(!out.empty());
  while (!stop.stop_requested()) {
    Grant grant;
    {
      const std::lock_guard lock(mutex_);
      grant = take_locked(out.size());
    }
    if (grant.era == nullptr) return 0;
    const Schedule& schedule = grant.era->schedule;
    if (grant.count == 0) {
      clock_.sleep_until(grant.over, grant.era->ended.get_token(), stop);
      continue;
    }
    for (std::uint64_t i = 0; i < grant.count; ++i) {
      const std::uint64_t sequence = grant.first + i;
      out[i] = {sequence, schedule.paced() ? grant.start + schedule.offset(sequence) : grant.taken};
    }
    if (out[0].due <= grant.taken) return grant.count;
    const std::size_t count = redeem(*grant.era, out.first(grant.count), stop);
    if (count > 0) return count;
  }
  return 0;
}

TokenBucket::Grant TokenBucket::take_locked(std::uint64_t most) {
  if (closed_at_) return {};
  assert(start_);
  const TimePoint now = clock_.now();
  const nanoseconds elapsed = elapsed_locked(now);
  const Era& era = eras_.back();
  const Schedule& schedule = era.schedule;
  if (!schedule.paced()) {
    const std::uint64_t count = std::min(most, schedule.size() - next_);
    if (count == 0 || schedule.expired(elapsed)) return {};
    return {&era, std::exchange(next_, next_ + count), count, *start_, now};
  }
  skip_stale_locked(schedule, elapsed);
  if (next_ >= schedule.size()) {
    const nanoseconds over = over_at_locked(schedule);
    return {elapsed < over ? &era : nullptr, next_, 0, *start_, now, *start_ + over};
  }
  const std::uint64_t due = schedule.due_by(elapsed);
  // At least the next one, which is not due yet, and those that follow so closely that waking for
  // each would cost more than their delay.
  const std::uint64_t soon =
      due > next_ ? due : std::max(next_ + 1, schedule.due_by(schedule.offset(next_) + window_));
  const std::uint64_t count = std::min(most, soon - next_);
  return {&era, std::exchange(next_, next_ + count), count, *start_, now};
}

// All tickets are taken, but until they are due a producer may still give some back; and the rate,
// once it has changed, may change again.
nanoseconds TokenBucket::over_at_locked(const Schedule& schedule) const {
  if (rate_has_changed_ && schedule.end()) return *schedule.end();
  return schedule.size() > 0 ? schedule.offset(schedule.size() - 1) : nanoseconds(0);
}

void TokenBucket::skip_stale_locked(const Schedule& schedule, nanoseconds elapsed) {
  std::uint64_t keep_from = next_;
  if (limits_.max_lag) {
    keep_from = std::max(keep_from, schedule.due_by(elapsed - *limits_.max_lag - nanoseconds(1)));
  }
  if (limits_.burst) {
    const std::uint64_t due = schedule.due_by(elapsed);
    if (due > keep_from && due - keep_from > *limits_.burst) keep_from = due - *limits_.burst;
  }
  skipped_ += keep_from - next_;
  next_ = keep_from;
}

std::size_t TokenBucket::redeem(const Era& era, std::span<const Ticket> tickets,
                                const std::stop_token& stop) {
  const TimePoint due = tickets.back().due;
  const bool slept = clock_.sleep_until(due, era.ended.get_token(), stop);
  std::unique_lock lock(mutex_);
  if (slept) oversleep_.record(clock_.now() - due);
  if (!slept && !era.kept_below) {  // the era is still in force, so only the caller was stopped
    Era& ended = begin_era_locked(clock_.now(), era.schedule);
    lock.unlock();
    ended.ended.request_stop();
    lock.lock();
  }
  // One cut-off for all: tickets due before it are sent, later ones were never handed out.
  std::uint64_t kept = tickets.size();
  if (era.kept_below) {
    const std::uint64_t first = tickets.front().sequence;
    kept = std::min(kept, std::max(first, *era.kept_below) - first);
    if (kept == 0 || closed_at_) return kept;
  }
  if (limits_.max_lag && clock_.now() - tickets.front().due > *limits_.max_lag) {
    ++skipped_;  // only one: with max_lag, a producer reserves one ticket at a time
    return 0;
  }
  return kept;
}

void TokenBucket::change_rate(double per_second) {
  std::unique_lock lock(mutex_);
  if (closed_at_) return;
  const Schedule& now_in_force = eras_.back().schedule;
  assert(now_in_force.paced());
  const TimePoint now = clock_.now();
  rate_has_changed_ = true;
  Era& ended = begin_era_locked(now, now_in_force.changed_at(elapsed_locked(now), per_second));
  lock.unlock();
  ended.ended.request_stop();
}

TokenBucket::Era& TokenBucket::begin_era_locked(TimePoint now, Schedule schedule) {
  Era& old = eras_.back();
  eras_.push_back({.schedule = std::move(schedule)});
  old.kept_below = old.schedule.due_by(elapsed_locked(now));
  // A producer that has reserved a later ticket is asleep and loses it; the ticket can be taken
  // again.
  next_ = std::min(next_, *old.kept_below);
  return old;
}

void TokenBucket::close() {
  std::unique_lock lock(mutex_);
  if (closed_at_) return;
  closed_at_ = clock_.now();
  Era& last = eras_.back();
  if (last.schedule.paced()) {
    const std::uint64_t due = last.schedule.due_by(elapsed_locked(*closed_at_));
    if (due > next_) skipped_ += due - std::exchange(next_, due);
    last.kept_below = due;
  }
  lock.unlock();
  last.ended.request_stop();
}

const Schedule& TokenBucket::schedule() const {
  const std::lock_guard lock(mutex_);
  return eras_.back().schedule;
}

TokenBucket::Totals TokenBucket::totals() const {
  const std::lock_guard lock(mutex_);
  const Schedule& schedule = eras_.back().schedule;
  const TimePoint when = closed_at_ ? *closed_at_ : clock_.now();
  const std::uint64_t scheduled = schedule.paced() ? schedule.due_by(elapsed_locked(when)) : next_;
  return {scheduled, skipped_};
}

Histogram TokenBucket::oversleep() const {
  const std::lock_guard lock(mutex_);
  Histogram copy;
  copy.merge(oversleep_);
  return copy;
}

}  // namespace loadgen
