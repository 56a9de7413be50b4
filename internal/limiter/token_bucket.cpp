#include "limiter/token_bucket.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace loadgen {

TokenBucket::TokenBucket(const Schedule& schedule, Limits limits, Clock& clock)
    : schedule_(schedule),
      limits_(limits),
      window_(limits.max_lag ? nanoseconds(0) : kWindow),
      clock_(clock) {}

void TokenBucket::start(TimePoint start) {
  const std::lock_guard lock(mutex_);
  start_ = start;
}

std::size_t TokenBucket::acquire(std::span<Ticket> out) {
  assert(!out.empty());
  for (;;) {
    Grant grant;
    {
      const std::lock_guard lock(mutex_);
      grant = take_locked(out.size());
    }
    if (grant.count == 0) return 0;
    for (std::uint64_t i = 0; i < grant.count; ++i) {
      const std::uint64_t sequence = grant.first + i;
      out[i] = {sequence,
                schedule_.paced() ? grant.start + schedule_.offset(sequence) : grant.taken};
    }
    if (out[0].due <= grant.taken) return grant.count;
    if (const std::size_t count = redeem(out.first(grant.count)); count > 0) return count;
  }
}

TokenBucket::Grant TokenBucket::take_locked(std::uint64_t most) {
  if (closed_at_) return {};
  assert(start_);
  const TimePoint now = clock_.now();
  if (!schedule_.paced()) {
    if (schedule_.expired(elapsed_locked(now))) return {};
    const std::uint64_t count = std::min(most, schedule_.size() - next_);
    return {std::exchange(next_, next_ + count), count, *start_, now};
  }
  skip_stale_locked(elapsed_locked(now));
  if (next_ >= schedule_.size()) return {};
  const std::uint64_t due = schedule_.due_by(elapsed_locked(now));
  // At least the next one, which is then not due yet and must be slept for, and those that follow
  // it so closely that waking for each would cost more than they are late.
  const std::uint64_t soon =
      due > next_ ? due : std::max(next_ + 1, schedule_.due_by(schedule_.offset(next_) + window_));
  const std::uint64_t count = std::min(most, soon - next_);
  return {std::exchange(next_, next_ + count), count, *start_, now};
}

void TokenBucket::skip_stale_locked(nanoseconds elapsed) {
  std::uint64_t keep_from = next_;
  if (limits_.max_lag) {
    keep_from = std::max(keep_from, schedule_.due_by(elapsed - *limits_.max_lag - nanoseconds(1)));
  }
  if (limits_.burst) {
    const std::uint64_t due = schedule_.due_by(elapsed);
    if (due > keep_from && due - keep_from > *limits_.burst) keep_from = due - *limits_.burst;
  }
  skipped_ += keep_from - next_;
  next_ = keep_from;
}

std::size_t TokenBucket::redeem(std::span<const Ticket> tickets) {
  clock_.sleep_until(tickets.back().due, closing_.get_token());
  const std::lock_guard lock(mutex_);
  // One cut-off for all: a ticket due before it is sent, one due after it never was scheduled.
  if (closed_at_) {
    const auto after = std::partition_point(tickets.begin(), tickets.end(),
                                            [&](const Ticket& t) { return t.due <= *closed_at_; });
    return static_cast<std::size_t>(after - tickets.begin());
  }
  if (limits_.max_lag && clock_.now() - tickets.front().due > *limits_.max_lag) {
    ++skipped_;  // the only one: with a bound on lag no others are waited for
    return 0;
  }
  return tickets.size();
}

void TokenBucket::close() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_at_) return;
    closed_at_ = clock_.now();
    if (schedule_.paced()) {
      const std::uint64_t due = schedule_.due_by(elapsed_locked(*closed_at_));
      if (due > next_) skipped_ += due - std::exchange(next_, due);
    }
  }
  closing_.request_stop();
}

TokenBucket::Totals TokenBucket::totals() const {
  const std::lock_guard lock(mutex_);
  assert(closed_at_);
  const std::uint64_t scheduled =
      schedule_.paced() ? schedule_.due_by(elapsed_locked(*closed_at_)) : next_;
  return {scheduled, skipped_};
}

}  // namespace loadgen
