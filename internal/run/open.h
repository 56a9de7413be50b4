// The first steps of a run: open and check the spool and the target, then connect. No producer or
// consumer thread runs yet, and a signal simply ends the process.
#pragma once

#include <memory>

#include "base/clock.h"
#include "consumer/consumer_account.h"
#include "lane/lane.h"
#include "plan/plan.h"
#include "sink/sink.h"

namespace loadgen {

// Borrows plan, target and clock, which must outlive it.
struct Opened {
  const Plan& plan;
  Target& target;
  Clock& clock;
  std::unique_ptr<Lane> lane;
};

// Opens the spool, if there is one, and the target. Blocks for --connect-wait at most. Throws
// UsageError when the spool cannot be used, SetupError for other failures. `timing`: see LaneParts.
Opened open(const Plan& plan, Target& target, Clock& clock,
            ConsumerAccount::Timing timing = ConsumerAccount::Timing::kOn);

// A run whose consumers are connected.
struct Connected {
  const Opened& opened;
};

// Blocks for --connect-wait at most for each connection. Throws SetupError.
Connected connect(const Opened& opened);

// The options with all choices made (seed, insert method), without secrets.
Options effective_config(const Plan& plan, InsertMethod in_force);

}  // namespace loadgen
