// What one worker, a producer or a consumer, has counted and timed since somebody last asked.
// Thread-safe: the worker records, once a batch or frame; the sampler drains. What is gathered is
// added up under the lock, which takes some microseconds: if two sets changed places instead, pages
// that one worker touched would go round among all (260 MB with 1024 workers).
#pragma once

#include <mutex>

#include "stats/sample.h"

namespace loadgen {

template <typename Gathered>
class Meter {
 public:
  // Calls add(Gathered&), which adds what happened. It must be short: it runs under the lock.
  template <typename Add>
  void record(Add add) {
    const std::lock_guard lock(mutex_);
    add(gathered_);
  }

  // Adds what has gathered to the sum, and begins anew.
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
