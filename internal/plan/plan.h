// A run as it will be carried out: the options, checked against each other, and the seed and run
// id, which are chosen here if needed. Immutable after make_plan.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "options/options.h"
#include "plan/schedule.h"

namespace loadgen {

struct Plan {
  Options options;
  Schedule schedule;
  std::uint64_t seed;
  // Unique per run, rises with time: 43 bits of Unix milliseconds, 20 random bits.
  std::int64_t run_id;
};

// Throws UsageError when options contradict each other. Touches nothing outside the process.
Plan make_plan(Options options, const Clock& clock);

}  // namespace loadgen
