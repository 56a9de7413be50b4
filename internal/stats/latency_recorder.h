// The response time of messages and its parts. One recorder per thread (not thread-safe), merged
// after the threads are joined. Recording does not allocate.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "model/message.h"
#include "stats/histogram.h"
#include "stats/stored_curve.h"

namespace loadgen {

// A message's life:  due -> created -> taken from the channel -> write begins -> commit confirmed.
// The four parts between add up to the response time.
struct LatencyHistograms {
  Histogram response;      // due -> commit confirmed
  Histogram schedule_lag;  // due -> created
  Histogram queue_wait;    // created -> taken
  Histogram batch_wait;    // taken -> write begins
  Histogram write;         // write begins -> commit confirmed
  Histogram held_back;     // the part of write that was waiting between attempts
  StoredCurve stored;      // how many by when

  void merge(const LatencyHistograms& other);
};

class LatencyRecorder {
 public:
  // Production begins, before anything is recorded.
  void start(TimePoint when) { start_ = when; }
  // Counts the messages of a stored frame.
  void record(std::span<const Message> messages, TimePoint write_begin, TimePoint write_end,
              nanoseconds held_back = nanoseconds(0));

  // Ends recording: the result is moved out.
  LatencyHistograms finish() && { return std::move(histograms_); }

 private:
  TimePoint start_;
  LatencyHistograms histograms_;
};

}  // namespace loadgen
