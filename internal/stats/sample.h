// What happened in a stretch of time, in one thread or in many: a plain sum. Samples merge in any
// order and grouping, and the result of a run is the merge of all of them.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "model/fate.h"
#include "stats/latency_histograms.h"

namespace loadgen {

// Frames that were stored, at least in part, by what closed them.
struct Frames {
  std::uint64_t full = 0;
  std::uint64_t linger = 0;
  std::uint64_t drain = 0;

  [[nodiscard]] std::uint64_t count() const { return full + linger + drain; }
};

struct SampleCounts {
  std::uint64_t produced = 0;  // messages
  Tally ends;                  // of messages
  std::uint64_t retried_frames = 0;
  std::uint64_t duplicates_suppressed = 0;  // messages
  std::uint64_t resent = 0;                 // messages in doubt, written again without a ledger
  Frames frames;
  nanoseconds writing{0};  // spent delivering, summed over consumers
  TimePoint last_commit;   // of the last stored frame

  void clear() { *this = SampleCounts(); }
};

struct Sample : SampleCounts {
  LatencyHistograms latency;  // of stored messages

  void merge(const SampleCounts& other);
  void merge(const Sample& other);
  // Empties it, but keeps its memory. The time depends only on what was recorded.
  void clear();
};

}  // namespace loadgen
