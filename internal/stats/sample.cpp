#include "stats/sample.h"

#include <algorithm>

namespace loadgen {

void Sample::merge(const SampleCounts& other) {
  produced += other.produced;
  ends += other.ends;
  retried_frames += other.retried_frames;
  duplicates_suppressed += other.duplicates_suppressed;
  resent += other.resent;
  frames.full += other.frames.full;
  frames.linger += other.frames.linger;
  frames.drain += other.frames.drain;
  writing += other.writing;
  last_commit = std::max(last_commit, other.last_commit);
}

void Sample::merge(const Sample& other) {
  merge(static_cast<const SampleCounts&>(other));
  latency.merge(other.latency);
}

void Sample::clear() {
  SampleCounts::clear();
  latency.clear();
}

}  // namespace loadgen
