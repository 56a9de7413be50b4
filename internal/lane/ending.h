// The phase of a run's end: the reasons for it, and a stop token for each phase. Phases only move
// forward, and entering one enters all before it:
//
//   running       tickets are handed out
//   draining      no further ticket: the schedule is over, or a signal came
//   giving up     no further frame is begun: nothing more can be stored, or memory ran out
//   interrupting  writes in progress are cut off: the drain timeout has passed
//   aborting      nothing is waited for any more, not even an audit: a second signal came
//
// Thread-safe. Entering a phase calls the stop callbacks of its token, on the caller's thread and
// without a lock. It allocates nothing, so a run can be ended when memory has run out.
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

  // When production is due to end; nullopt = a signal or the count ends it.
  void expect_end(std::optional<TimePoint> planned);

  // Each of the next six may return while another thread that entered the same phase still runs the
  // phase's stop callbacks.
  // The schedule is over. A later signal does not count as an interruption.
  void end_production();
  // Enters draining. The first signal before end_production() becomes the reason why production
  // ended.
  void drain(int signal);
  void give_up();
  // Interrupts writes because the drain timeout has passed. False: they were interrupted already.
  bool time_out();
  void interrupt();
  void abort(int signal);

  // Notes why the run failed. Only the first reason counts; returns true for it. Enters no phase,
  // because some failures show only after the end.
  bool note_failure(const WriteError& why);

  // Its stop is requested when the phase is entered. Not for kRunning.
  [[nodiscard]] std::stop_token token(Phase phase) const { return source(phase).get_token(); }
  [[nodiscard]] bool reached(Phase phase) const { return source(phase).stop_requested(); }

  // When production ended, or is due to end; nullopt = not known.
  [[nodiscard]] std::optional<TimePoint> production_ends() const;
  // How long to wait for threads: until the drain timeout after production ended, or until kGrace
  // after writes were interrupted. Entering a phase may make it earlier.
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
  std::optional<TimePoint> production_ends_;  // first as planned, then the actual time
  std::optional<TimePoint> interrupted_at_;
  std::optional<int> ended_by_;  // what ended production: a signal, or 0 = its schedule
  std::optional<WriteError> failure_;
  bool timed_out_ = false;
  int aborted_by_ = 0;
};

}  // namespace loadgen
