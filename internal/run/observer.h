// Watches a lane from a thread of its own: closes an interval of the series every second, ends the
// warm-up, and shows the progress. Everything that is told about the course of a run comes from
// here.
//
// One thread makes the calls below, in their order. Borrows the lane and the clock.
#pragma once

#include <functional>
#include <latch>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "lane/lane.h"
#include "model/counts.h"
#include "run/progress.h"
#include "stats/series.h"

namespace loadgen {

// An interval that has ended.
struct Interval {
  const Sample& counted;  // all that the workers counted and timed in it
  const SeriesSample& sample;
  bool is_warmup;
};
// Called on the observer's thread, and by stop() for the last interval. May not throw.
using IntervalListener = std::function<void(const Interval&)>;

// What happened before the measured time.
struct WarmupEnd {
  nanoseconds duration{0};
  Counts counts;  // without what still had no fate
};

class Observer {
 public:
  struct Settings {
    nanoseconds warmup{0};
    std::optional<nanoseconds> progress{};  // time between progress lines
  };

  // Starts the thread, which waits for begin(). Throws SetupError if it cannot be started.
  Observer(Lane& lane, Clock& clock, Settings settings, std::vector<IntervalListener> listeners);
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  ~Observer();

  // Production began at this time.
  void begin(TimePoint start);
  // The workers are done, or given up. Joins the thread and ends the last interval.
  void stop();

  struct Observed {
    Series series;
    std::optional<WarmupEnd> warmup;  // nullopt = none was asked for
  };
  // `counts`: of the whole run, by which the last sample is completed. Call it once.
  Observed finish(const Counts& counts);

 private:
  void watch(const std::stop_token& stop);
  void close_interval(TimePoint now);
  void end_warmup();
  [[nodiscard]] TimePoint end_of_interval() const;

  // Constant after construction, start_ after begin().
  Lane& lane_;
  Clock& clock_;
  const Settings settings_;
  const std::vector<IntervalListener> listeners_;
  std::latch begun_{1};
  TimePoint start_;

  // Of the thread, and after it of stop() and finish().
  struct Course {
    Series series;
    std::optional<SeriesSample> last{};  // not in the series yet
    Counts counts{};                     // since the start
    double cpu_s = 0;                    // of the process
    nanoseconds closed{0};               // end of the last interval
    std::optional<WarmupEnd> warmup{};
  } course_;

  std::jthread thread_;
};

}  // namespace loadgen
