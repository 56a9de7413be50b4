// The rate limiter that all producers share: a token bucket that fills along an absolute schedule
// and hands out tickets, each with its own due time. The rate may change while producers use the
// bucket. All calls but start() are thread-safe. Handing out tickets allocates nothing.
//
// Tokens accrue by the schedule, whether or not producers take them. The bucket's capacity
// (Limits::burst) bounds how many overdue tokens are kept. Without a bound the generator is an open
// loop: a stalled target makes messages late, never fewer, and a late message delays no later due
// time (against "coordinated omission": Gil Tene, "How NOT to Measure Latency"; wrk2 counts the
// same way).
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
#include "stats/histogram.h"

namespace loadgen {

// Permission to send one message.
struct Ticket {
  std::uint64_t sequence;
  TimePoint due;
};

class TokenBucket {
 public:
  struct Limits {
    // How many overdue tickets may wait, at least 1; the surplus is skipped, oldest first.
    std::optional<std::uint64_t> burst;
    // Tickets later than this are skipped.
    std::optional<nanoseconds> max_lag;
  };
  struct Totals {
    std::uint64_t scheduled = 0;  // by the schedule alone, until its end or close()
    std::uint64_t skipped = 0;
  };

  // Borrows the clock, which must outlive it.
  TokenBucket(Schedule schedule, Limits limits, Clock& clock);

  // Offsets of the schedule count from `start`. Call once, before the first acquire().
  void start(TimePoint start);

  // Blocks until a ticket is due. Fills the front of `out`, which must not be empty, with tickets
  // of consecutive sequences and returns how many; 0 = the schedule is over or the bucket was
  // closed. Hands out all tickets that are due now, up to out.size(). If none is due, reserves the
  // next ticket and those due within kWindow after it, and sleeps until they are due: a slow rate
  // costs one wake-up per message, a fast one far fewer. After a change of rate, the rate may
  // change again, so the schedule is over at its end and not with its last ticket. On a stop
  // request returns 0 at once; other producers wake and take the reserved tickets.
  std::size_t acquire(std::span<Ticket> out, const std::stop_token& stop);

  // Continues the schedule at this constant rate from now on; 0 = a pause until the next change.
  // For paced schedules only. Tickets due by now keep their due times. Producers that sleep for
  // later tickets wake and take the same sequences with new due times. No effect once closed. Does
  // not wait for producers. Allocates: each change adds a schedule, which grows with the number of
  // changes, until the bucket is destroyed.
  void change_rate(double per_second);

  // Ends the schedule now, started or not: later tickets are never handed out, overdue tickets that
  // no producer took are skipped, and every sleeping producer wakes. Idempotent.
  void close();

  // No more than a wake-up is late anyway. Zero when max_lag is set.
  static constexpr std::chrono::microseconds kWindow{100};

  // The schedule in force, or that was in force at close(). Valid as long as the bucket.
  [[nodiscard]] const Schedule& schedule() const;

  // Up to now, or up to close(). Complete once the bucket is closed and all producers have returned
  // from acquire(). `skipped` lags behind while no producer asks for tickets.
  [[nodiscard]] Totals totals() const;
  // How much later than asked producers woke for their tickets, once for each sleep. Without
  // sleeps that something ended.
  [[nodiscard]] Histogram oversleep() const;

 private:
  // The time in which one schedule is in force. An era ends when the rate changes, when a producer
  // gives tickets back, or at close().
  struct Era {
    const Schedule schedule;
    std::stop_source ended{};
    // Guarded by mutex_. Set when the era ends: producers that sleep keep reserved tickets below
    // this sequence, because those were due by then. The others count as never handed out.
    std::optional<std::uint64_t> kept_below{};
  };
  struct Grant {
    const Era* era = nullptr;  // null = no tickets are left
    std::uint64_t first = 0;
    std::uint64_t count = 0;  // 0 = none before the era or the schedule ends
    TimePoint start;
    TimePoint taken;
    TimePoint over{};  // with count 0: when no ticket can come any more
  };

  // Negative before the start, when nothing is due.
  [[nodiscard]] nanoseconds elapsed_locked(TimePoint now) const {
    return start_ ? now - *start_ : nanoseconds(-1);
  }
  Grant take_locked(std::uint64_t most);
  [[nodiscard]] nanoseconds over_at_locked(const Schedule& schedule) const;
  void skip_stale_locked(const Schedule& schedule, nanoseconds elapsed);
  // Sleeps until the last of the reserved tickets is due. Returns how many may be used; the others
  // were given back or are too late.
  std::size_t redeem(const Era& era, std::span<const Ticket> tickets, const std::stop_token& stop);
  // Makes sleeping producers take their tickets again, by this schedule. Returns the era that
  // ended.
  Era& begin_era_locked(TimePoint now, Schedule schedule);

  // Constant after construction.
  const Limits limits_;
  const nanoseconds window_;
  Clock& clock_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::list<Era> eras_;  // the last is in force; producers may still read the others
  std::optional<TimePoint> start_;
  bool rate_has_changed_ = false;
  std::uint64_t next_ = 0;  // lowest sequence that no producer has taken
  std::uint64_t skipped_ = 0;
  Histogram oversleep_;
  std::optional<TimePoint> closed_at_;
};

}  // namespace loadgen
