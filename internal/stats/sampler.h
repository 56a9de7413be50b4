// Gathers what all meters of a run have counted: at each tick, and at its end. So the result is the
// sum of what was shown while it ran. Thread-safe. Owns no thread: whoever wants to look on ticks.
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
  // Both borrow the meter, until leave() or the last tick.
  void watch(ProducerMeter& meter);
  void watch(ConsumerMeter& meter);
  // Its worker is gone: what it has counted is gathered for the last time.
  void leave(ProducerMeter& meter);
  void leave(ConsumerMeter& meter);

  // What has been counted since the start, up to now.
  struct Counted {
    std::uint64_t produced = 0;
    Tally ends;
  };
  Counted tick();

  // All of it. The end: nothing more is gathered.
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
