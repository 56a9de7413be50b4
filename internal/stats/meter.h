// What one worker, a producer or a consumer, has counted and timed since somebody last asked.
// Thread-safe: the worker records, once a batch or frame; whoever drains it takes all of it with
// one short exchange, so that neither waits for the other's work.
#pragma once

#include <mutex>
#include <utility>

#include "stats/sample.h"

namespace loadgen {

class Meter {
 public:
  // Calls add(Sample&), which adds what happened. It must be short: it runs under the lock.
  template <typename Add>
  void record(Add add) {
    const std::lock_guard lock(mutex_);
    add(gathered_);
  }

  // Leaves what has gathered in `spare`, which has to be empty, and begins anew with its memory.
  void drain(Sample& spare) {
    const std::lock_guard lock(mutex_);
    std::swap(gathered_, spare);
  }

 private:
  std::mutex mutex_;
  Sample gathered_;  // guarded by mutex_
};

}  // namespace loadgen
