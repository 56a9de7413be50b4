// Ends a run on signals and when memory runs out. Owns a thread for each. Construct it before the
// run's own threads are started, so that they inherit the blocked signals.
#pragma once

#include <atomic>

#include "base/clock.h"
#include "base/memory_reserve.h"
#include "lane/lane.h"
#include "run/signals.h"
#include "sink/sink.h"

namespace loadgen {

class Outside {
 public:
  // Borrows all three. Throws SetupError when a thread cannot be started.
  Outside(Clock& clock, Lane& lane, Target& target);

  // From now on the run's threads are done, and a signal concerns the audit.
  void begin_audit() { auditing_ = true; }

 private:
  void on_signal(int signal, int nth);
  void on_low_memory();

  Lane& lane_;
  Target& target_;
  std::atomic<bool> auditing_{false};
  const SignalWatcher signals_;
  const MemoryReserve memory_;
};

}  // namespace loadgen
