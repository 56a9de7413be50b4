// One run from start to report: wires all rooms together. run.cpp reads as the list of its steps.
#pragma once

#include <functional>

#include "base/clock.h"
#include "plan/plan.h"
#include "report/run_report.h"
#include "sink/sink.h"

namespace loadgen {

// Blocks until the run is over, which a signal may bring about, and its report is handed to
// `deliver`: so no signal ends the process before. Starts threads, all of them joined on return.
// Throws SetupError when the run cannot be started, and what `deliver` throws; once it is started,
// whatever happens is in the report.
RunReport run_pipeline(const Plan& plan, Target& target, Clock& clock,
                       const std::function<void(const RunReport&)>& deliver);

// The report of a run that could not start, with the reason and the process's exit code.
RunReport report_failed_start(const Plan& plan, Target& target, Clock& clock,
                              const std::string& reason, int exit_code);

}  // namespace loadgen
