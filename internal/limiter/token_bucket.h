// The one rate limiter all producers share: a token bucket that fills along an absolute schedule
// and hands out tickets, each with its own due time. Its rate may be changed while producers use
// it. All calls are safe from any thread, for any number of producers, but for start(). Handing out
// tickets allocates nothing.
//
// Tokens accrue when the schedule says so, whether or not anybody takes them; the bucket's capacity
// (Limits::burst) bounds how many overdue ones are kept. With no bound the generator is an open
// loop: a stalled target makes messages late, never fewer, and lateness moves no later due time
// (against "coordinated omission": Gil Tene, "How NOT to Measure Latency"; wrk2 counts the same
// way).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
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
  TokenBucket(Schedule schedule, Limits limits, Clock& clock);

  // Offsets of the schedule count from `start`. Call once, before the first acquire().
  void start(TimePoint start);

  // Blocks until a ticket is due. Fills the front of `out`, which must not be empty, with tickets
  // of consecutive sequences and returns how many; 0 = the schedule is over or the bucket was
  // closed. Hands out all that is due now, up to out.size(); if nothing is, reserves the next
  // ticket, with those due within kWindow after it, and sleeps until their time: a slow rate costs
  // one wake-up per message, a fast one far fewer. Once the rate was changed it may change again:
  // then the schedule is over at its end, and not already with its last ticket. On a stop request
  // returns 0 at once; what it had reserved goes to others, who wake for it.
  std::size_t acquire(std::span<Ticket> out, const std::stop_token& stop);

  // From now on the schedule goes on at this constant rate; 0 = a pause, until the rate is changed
  // again. For paced schedules only. What is due by now stays as it is. Producers that sleep for
  // later tickets wake and sleep anew: the same sequences have later or earlier due times now. No
  // effect once closed. Does not wait for producers. Allocates: each change keeps another schedule,
  // which is as long as there were changes, until the bucket is gone.
  void change_rate(double per_second);

  // Ends the schedule now, started or not: tickets due later are never handed out, overdue ones
  // nobody took are skipped, and every sleeper wakes. Idempotent.
  void close();

  // A tenth of a millisecond: no more than waking up is late by anyway. Nothing when max_lag is
  // set.
  static constexpr std::chrono::microseconds kWindow{100};

  // The one in force, or in force at close(); stays valid as long as the bucket.
  [[nodiscard]] const Schedule& schedule() const;

  // Complete once closed and all producers are back from their last acquire().
  [[nodiscard]] Totals totals() const;

 private:
  // A schedule while it is in force. It ends when the rate changes, when a producer gives tickets
  // back, or at close().
  struct Era {
    const Schedule schedule;
    std::stop_source ended{};
    // Guarded by mutex_. Set when it ends: which of the tickets that producers sleep for stay with
    // them, as they were due by then. The others were never handed out.
    std::optional<std::uint64_t> kept_below{};
  };
  struct Grant {
    const Era* era = nullptr;  // null = there are no tickets any more
    std::uint64_t first = 0;
    std::uint64_t count = 0;  // 0 = none before the era or the schedule ends
    TimePoint start;
    TimePoint taken;
  };

  // Negative before the start, when nothing is due.
  [[nodiscard]] nanoseconds elapsed_locked(TimePoint now) const {
    return start_ ? now - *start_ : nanoseconds(-1);
  }
  Grant take_locked(std::uint64_t most);
  void skip_stale_locked(const Schedule& schedule, nanoseconds elapsed);
  // Sleeps until the last of the reserved tickets is due. Returns how many of them count: the rest
  // never came to their time, or are too late.
  std::size_t redeem(const Era& era, std::span<const Ticket> tickets, const std::stop_token& stop);
  // All who sleep take their tickets anew, by this schedule. Returns the era that it ended.
  Era& begin_era_locked(TimePoint now, Schedule schedule);

  // Constant after construction.
  const Limits limits_;
  const nanoseconds window_;
  Clock& clock_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::list<Era> eras_;  // the last is in force; none is removed, as producers may still read it
  std::optional<TimePoint> start_;
  bool rate_has_changed_ = false;
  std::uint64_t next_ = 0;  // lowest sequence nobody has taken
  std::uint64_t skipped_ = 0;
  std::optional<TimePoint> closed_at_;
};

}  // namespace loadgen
