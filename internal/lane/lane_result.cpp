#include "lane/lane_result.h"

#include <algorithm>

namespace loadgen {
namespace {

// Lanes run at the same time, so their depths add up; so do the maxima, at most.
void merge(ChannelStats& sum, const ChannelStats& other) {
  sum.capacity += other.capacity;
  sum.depth += other.depth;
  sum.depth_max += other.depth_max;
  sum.depth_mean += other.depth_mean;
  sum.blocked += other.blocked;
}

void merge(std::vector<ErrorCount>& sum, const std::vector<ErrorCount>& other) {
  for (const ErrorCount& error : other) {
    const auto known = std::find_if(sum.begin(), sum.end(), [&](const ErrorCount& mine) {
      return is_same_error(mine.first, error.first);
    });
    if (known == sum.end()) {
      sum.push_back(error);
    } else {
      known->count += error.count;
    }
  }
}

}  // namespace

void LaneResult::merge(const LaneResult& other) {
  start = std::min(start, other.start);
  producers_done = std::max(producers_done, other.producers_done);
  consumers_done = std::max(consumers_done, other.consumers_done);
  counts += other.counts;
  sequences_agree = sequences_agree && other.sequences_agree;
  samples.warmup.merge(other.samples.warmup);
  samples.measured.merge(other.samples.measured);
  self_check.merge(other.self_check);
  loadgen::merge(queue, other.queue);
  loadgen::merge(errors, other.errors);
  if (!failure) failure = other.failure;
  breaker.merge(other.breaker);
  if (interrupted_by == 0) interrupted_by = other.interrupted_by;
  drain_timed_out = drain_timed_out || other.drain_timed_out;
  if (unsent_problem.empty()) unsent_problem = other.unsent_problem;
  if (other.oldest_not_stored) {
    oldest_not_stored =
        std::max(oldest_not_stored.value_or(*other.oldest_not_stored), *other.oldest_not_stored);
  }
}

}  // namespace loadgen
