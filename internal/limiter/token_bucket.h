// The one rate limiter all producers share: a token bucket that fills along an absolute schedule
// and hands out tickets, each with its own due time. Thread-safe for any number of producers.
//
// Tokens accrue when the schedule says so, whether or not anybody takes them; the bucket's capacity
// (Limits::burst) bounds how many overdue ones are kept. With no bound the generator is an open
// loop: a stalled target makes messages late, never fewer, and lateness moves no later due time
// (against "coordinated omission": Gil Tene, "How NOT to Measure Latency"; wrk2 counts the same
// way).
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>

#include "base/clock.h"
#include "plan/schedule.h"

namespace loadgen {

// Permission to send one message.
struct Ticket {
  std::uint64_t sequence;
  TimePoint due;
};

class TokenBucket {
 public:
  struct Limits {
    // Most overdue tickets that may wait, at least 1; the surplus is skipped, oldest first.
    std::optional<std::uint64_t> burst;
    // Tickets later than this are skipped.
    std::optional<nanoseconds> max_lag;
  };
  struct Totals {
    std::uint64_t scheduled = 0;  // by the schedule alone, up to its end or to close()
    std::uint64_t skipped = 0;
  };

  // Borrows the clock, which must outlive it.
  TokenBucket(const Schedule& schedule, Limits limits, Clock& clock);

  // Offsets of the schedule count from `start`. Call once, before the first acquire().
  void start(TimePoint start);

  // Blocks until a ticket is due. Fills the front of `out`, which must not be empty, with tickets
  // of consecutive sequences and returns how many; 0 = the schedule is over or the bucket was
  // closed. Hands out all that is due now, up to out.size(); if nothing is, reserves the next
  // ticket, with those due within kWindow after it, and sleeps until their time: a slow rate costs
  // one wake-up per message, a fast one far fewer.
  std::size_t acquire(std::span<Ticket> out);

  // Ends the schedule now, started or not: tickets due later are never handed out, overdue ones
  // nobody took are skipped, and every sleeper wakes. Idempotent.
  void close();

  // A tenth of a millisecond: no more than waking up is late by anyway. Nothing when max_lag is
  // set.
  static constexpr std::chrono::microseconds kWindow{100};

  // Complete once closed and all producers are back from their last acquire().
  [[nodiscard]] Totals totals() const;

 private:
  struct Grant {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    TimePoint start;
    TimePoint taken;
  };

  // Negative before the start, when nothing is due.
  [[nodiscard]] nanoseconds elapsed_locked(TimePoint now) const {
    return start_ ? now - *start_ : nanoseconds(-1);
  }
  Grant take_locked(std::uint64_t most);
  void skip_stale_locked(nanoseconds elapsed);
  // Sleeps until the last of the reserved tickets is due. Returns how many of them count: the rest
  // never came to their time, or are too late.
  std::size_t redeem(std::span<const Ticket> tickets);

  // Constant after construction.
  const Schedule schedule_;
  const Limits limits_;
  const nanoseconds window_;
  Clock& clock_;

  std::stop_source closing_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::optional<TimePoint> start_;
  std::uint64_t next_ = 0;  // lowest sequence nobody has taken
  std::uint64_t skipped_ = 0;
  std::optional<TimePoint> closed_at_;
};

}  // namespace loadgen
