// The response time of messages and its parts. Not thread-safe. Recording does not allocate.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "model/message.h"
#include "stats/histogram.h"
#include "stats/stored_curve.h"

namespace loadgen {

// A message's life: due -> created -> taken from the channel -> write begins -> commit confirmed.
// The four parts between add up to the response time.
struct LatencyHistograms {
  Histogram response;      // due -> commit confirmed
  Histogram schedule_lag;  // due -> created
  Histogram queue_wait;    // created -> taken
  Histogram batch_wait;    // taken -> write begins
  Histogram write;         // write begins -> commit confirmed
  Histogram held_back;     // the part of write that was waiting between attempts
  // Write, but each frame counts once and not each message: what a tool reports that sends a
  // request only when the one before is answered.
  Histogram uncorrected;
  StoredCurve stored;  // how many messages were stored by when

  // Counts the messages of a stored frame. `start`: of production.
  void record(std::span<const Message> messages, TimePoint start, TimePoint write_begin,
              TimePoint write_end, nanoseconds held_back_for = nanoseconds(0));
  void merge(const LatencyHistograms& other);
  // Empties it, but keeps its memory.
  void clear();
};

}  // namespace loadgen
