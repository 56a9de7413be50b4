// One run from start to report. run.cpp reads as the list of its steps.
#pragma once

#include "base/clock.h"
#include "plan/plan.h"
#include "report/run_report.h"
#include "run/publish.h"
#include "sink/sink.h"

namespace loadgen {

// Blocks until the run is over, which a signal may bring about, and its report is handed to
// `deliver`: so no signal ends the process before. Starts threads, all of them joined on return.
// Throws SetupError when the run cannot be started, and what `deliver` throws; once it is started,
// whatever happens is in the report.
RunReport run(const Plan& plan, Target& target, Clock& clock, const Deliver& deliver);

}  // namespace loadgen
