// What one worker (a producer or a consumer) has counted and timed since the last drain.
// Thread-safe: the worker records, the sampler drains. The sums are added under the lock, which
// takes some microseconds. Swapping two sets instead would spread the pages that one worker touched
// among all (260 MB with 1024 workers).
#pragma once

#include <mutex>

#include "stats/sample.h"

namespace loadgen {

template <typename Gathered>
class Meter {
 public:
  // Calls add(Gathered&), which adds what happened. `add` must be short, because it runs under the
  // lock.
  template <typename Add>
  void record(Add add) {
    const std::lock_guard lock(mutex_);
    add(gathered_);
  }

  // Adds what was recorded to `sum` and starts again from zero.
  void drain(Sample& sum) {
    const std::lock_guard lock(mutex_);
    sum.merge(gathered_);
    gathered_.clear();
  }

 private:
  std::mutex mutex_;
  Gathered gathered_;  // guarded by mutex_
};

using ProducerMeter = Meter<SampleCounts>;
using ConsumerMeter = Meter<Sample>;

}  // namespace loadgen
