// How many messages of a run came to each end, and the conservation law that these numbers obey.
#pragma once

#include <cstdint>

#include "model/fate.h"

namespace loadgen {

// The conservation law:
//   scheduled = produced + skipped
//   produced  = stored + dead_lettered + dropped + spooled + unsent + in_doubt
struct Counts {
  std::uint64_t scheduled = 0;
  std::uint64_t skipped = 0;
  std::uint64_t produced = 0;
  Tally ends{};
  std::uint64_t retried_frames = 0;
  std::uint64_t duplicates_suppressed = 0;  // messages the ledger kept from being stored twice

  [[nodiscard]] bool balance() const {
    return scheduled == produced + skipped && produced == ends.sum();
  }
  // Messages that were made and are not known to be stored.
  [[nodiscard]] std::uint64_t losses() const {
    return ends.sum() - ends[Fate::kStored] - ends[Fate::kSpooled];
  }
  Counts& operator+=(const Counts& other) {
    scheduled += other.scheduled;
    skipped += other.skipped;
    produced += other.produced;
    ends += other.ends;
    retried_frames += other.retried_frames;
    duplicates_suppressed += other.duplicates_suppressed;
    return *this;
  }
  // What came after `earlier`, which were the counts of the same run then.
  friend Counts operator-(Counts now, const Counts& earlier) {
    now.scheduled -= earlier.scheduled;
    now.skipped -= earlier.skipped;
    now.produced -= earlier.produced;
    now.ends -= earlier.ends;
    now.retried_frames -= earlier.retried_frames;
    now.duplicates_suppressed -= earlier.duplicates_suppressed;
    return now;
  }
};

}  // namespace loadgen
