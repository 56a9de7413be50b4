// How far a run is on its way to the end, and why: the phase, the first reason for each, and a stop
// token for each. Phases only move forward, and who enters one enters all before it:
//
//   running       tickets are handed out
//   draining      no further ticket: the schedule is over, or a signal came
//   giving up     no further frame is begun: nothing more can be stored, or memory ran out
//   interrupting  writes in progress are cut off: the drain timeout has passed
//   aborting      nobody waits for anything any more, an audit included: a second signal
//
// Thread-safe. Entering a phase calls what listens to its token, on the caller's thread and without
// a lock; it allocates nothing, so that a run can be ended where memory has run out.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "sink/sink.h"

namespace loadgen {

enum class Phase : std::size_t { kRunning, kDraining, kGivingUp, kInterrupting, kAborting };

class Ending {
 public:
  // How long an interrupted write may take to return.
  static constexpr std::chrono::milliseconds kGrace{1500};

  // Borrows the clock.
  Ending(Clock& clock, nanoseconds drain_timeout);

  // When production is due to end; nullopt = by a signal or a count.
  void expect_end(std::optional<TimePoint> planned);

  // The schedule is over. A signal that comes later has interrupted nothing.
  void end_production();
  // The first signal before that is the reason why production ended.
  void drain(int signal);
  void give_up();
  // True: writes were not interrupted before, and the drain timeout is the reason.
  bool time_out();
  void interrupt();
  void abort(int signal);

  // Why the run failed; only the first reason counts, and true says that this is it. Enters no
  // phase: some failures show when all is over.
  bool note_failure(const WriteError& why);

  // Stops once the phase is entered. Not for kRunning.
  [[nodiscard]] std::stop_token token(Phase phase) const { return source(phase).get_token(); }
  [[nodiscard]] bool reached(Phase phase) const { return source(phase).stop_requested(); }

  // When production ended, or is due to end; nullopt = nobody knows.
  [[nodiscard]] std::optional<TimePoint> production_ends() const;
  // Until when to wait for threads: the drain timeout after production ended, or kGrace after
  // writes were interrupted. It may come nearer when a phase is entered.
  [[nodiscard]] std::optional<TimePoint> deadline() const;

  // The signal that ended production before its time, or 0.
  [[nodiscard]] int interrupted_by() const;
  [[nodiscard]] std::optional<WriteError> failure() const;
  [[nodiscard]] bool timed_out() const;
  // The signal that asked to abort, or 0.
  [[nodiscard]] int aborted_by() const;

 private:
  static constexpr std::size_t kPhases = 5;

  [[nodiscard]] const std::stop_source& source(Phase phase) const {
    return sources_[static_cast<std::size_t>(phase)];
  }
  void enter(Phase phase);

  // Constant after construction.
  Clock& clock_;
  const nanoseconds drain_timeout_;
  std::array<std::stop_source, kPhases> sources_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::optional<TimePoint> production_ends_;  // as planned, then as it came
  std::optional<TimePoint> interrupted_at_;
  std::optional<int> ended_by_;  // production: by a signal, or 0 by its schedule
  std::optional<WriteError> failure_;
  bool timed_out_ = false;
  int aborted_by_ = 0;
};

}  // namespace loadgen
