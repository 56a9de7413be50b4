// The result of a lane: a value that merges with those of other lanes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "channel/channel.h"
#include "delivery/breaker_machine.h"
#include "delivery/error_counts.h"
#include "model/counts.h"
#include "stats/sampler.h"
#include "stats/thread_use.h"

namespace loadgen {

struct LaneResult {
  TimePoint start;           // of production
  TimePoint producers_done;  // the last of them
  TimePoint consumers_done;
  Counts counts;
  // The numbers of produced and acknowledged sequences, and of messages on the spool's disk, agree
  // with the counts.
  bool sequences_agree = true;
  Sampler::Totals samples;  // all that the workers counted and timed
  SelfCheck self_check;
  ChannelStats queue;
  std::vector<ErrorCount> errors;     // of all attempts, in the order they first came
  std::optional<WriteError> failure;  // what ended the lane before its time
  BreakerReport breaker;
  int interrupted_by = 0;  // the signal that ended production early, 0 = none
  bool drain_timed_out = false;
  std::string unsent_problem;  // why --unsent does not hold all of them; empty = it does
  // At the end: how long ago the oldest message was due that is not known to be stored.
  std::optional<nanoseconds> oldest_not_stored;

  // Associative. Not commutative: of failures and signals the first one counts.
  void merge(const LaneResult& other);
};

}  // namespace loadgen
