// Knows how far a run is and why it ends: counts the threads still working, holds the first reason
// to stop, and lets the main thread wait with a deadline that moves when the run is told to stop.
// Thread-safe. It decides nothing about threads or databases: run.cpp acts on what it says.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "sink/sink.h"

namespace loadgen {

class Coordinator {
 public:
  enum class Role { kProducer, kConsumer };
  enum class Wait { kDone, kTimedOut };

  Coordinator(Clock& clock, nanoseconds drain_timeout);

  // When production is due to end; nullopt = by a signal or a count.
  void expect_end(std::optional<TimePoint> planned);
  void thread_started(Role role);
  void thread_done(Role role);

  // Production is to end now, by a signal (its number) or for another reason (0). The first call
  // starts the drain timeout unless the planned end did.
  void stop_production(int signal);
  // An attempt to write failed. Equal errors are counted together, in the order they first came;
  // true = the first of its kind.
  bool note_error(const WriteResult& result);
  // The target has failed for good, by an error that was noted or not; true = for the first time.
  bool note_failure(const WriteResult& result);
  // Writes are being interrupted: waits now end soon. Idempotent.
  void note_abort();

  // Blocks until all threads of the role are done, or the drain timeout has passed since production
  // was to end. After note_abort(): or kAbortGrace has passed since then.
  Wait wait_for(Role role);

  // How many threads of the role are not done.
  [[nodiscard]] std::size_t working(Role role);

  struct ErrorCount {
    WriteResult first;
    std::uint64_t count = 1;
  };
  [[nodiscard]] std::vector<ErrorCount> errors() const;
  // The first reason for which the target has failed for good.
  [[nodiscard]] std::optional<WriteError> failure() const;
  // The signal that ended production before its time, or 0.
  [[nodiscard]] int interrupted_by() const;

  // How long an interrupted write may take to return.
  static constexpr std::chrono::milliseconds kAbortGrace{1500};

 private:
  [[nodiscard]] std::optional<TimePoint> deadline_locked() const;
  [[nodiscard]] ErrorCount* find_locked(const WriteResult& result);
  [[nodiscard]] std::size_t& working_locked(Role role) {
    return role == Role::kProducer ? producers_ : consumers_;
  }

  // Constant after construction.
  Clock& clock_;
  const nanoseconds drain_timeout_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::size_t producers_ = 0;
  std::size_t consumers_ = 0;
  std::optional<TimePoint> ends_at_;  // production: planned, then as it came
  std::optional<TimePoint> aborted_at_;
  std::vector<ErrorCount> errors_;
  std::optional<WriteError> failure_;
  bool production_over_ = false;
  int interrupted_by_ = 0;
};

}  // namespace loadgen
