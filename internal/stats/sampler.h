// Gathers what all meters of a run have counted, interval by interval. So the result is the sum of
// what was shown during the run. Thread-safe, except that close_interval() and end_warmup() belong
// to one thread. Owns no thread.
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
  Counted counted();

  // Ends the interval now and returns what happened in it. Valid until the next call. The same
  // memory serves every other interval.
  const Sample& close_interval();

  // The intervals closed so far were the warm-up, whose samples are kept apart.
  void end_warmup();

  struct Totals {
    Sample warmup;
    Sample measured;
  };
  // Gathers for the last time and returns everything.
  [[nodiscard]] Totals finish();

 private:
  void gather_locked();

  Sample closed_;  // the interval before; written by close_interval() alone

  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<ProducerMeter*> producers_;
  std::vector<ConsumerMeter*> consumers_;
  Sample open_;  // the interval that has not ended
  Totals totals_;
};

}  // namespace loadgen
