// One run from start to report: wires all rooms together. run.cpp reads as the list of its steps.
#pragma once

#include "base/clock.h"
#include "plan/plan.h"
#include "report/run_report.h"
#include "sink/sink.h"

namespace loadgen {

// Blocks until the run is over, which a signal may bring about. Starts threads, all of them joined
// on return. Throws SetupError when the run cannot be started; once it is, whatever happens is in
// the report.
RunReport run_pipeline(const Plan& plan, Target& target, Clock& clock);

}  // namespace loadgen
