// Gathers what all meters of a run have counted, at each tick and at the end. So the result is the
// sum of what was shown during the run. Thread-safe. Owns no thread: the progress line calls
// tick().
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "model/fate.h"
#include "stats/meter.h"
#include "stats/sample.h"

namespace loadgen {

class Sampler {
 public:
  // Both borrow the meter, until unwatch() or finish().
  void watch(ProducerMeter& meter);
  void watch(ConsumerMeter& meter);
  // Gathers from the meter for the last time, because its worker is gone.
  void unwatch(ProducerMeter& meter);
  void unwatch(ConsumerMeter& meter);

  // What has been counted since the start, up to now.
  struct Counted {
    std::uint64_t produced = 0;
    Tally ends;
  };
  Counted tick();

  // Gathers for the last time and returns everything.
  [[nodiscard]] Sample finish();

 private:
  void gather_locked();

  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<ProducerMeter*> producers_;
  std::vector<ConsumerMeter*> consumers_;
  Sample total_;
};

}  // namespace loadgen
