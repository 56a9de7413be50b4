// One run from start to report. run.cpp reads as the list of its steps.
#pragma once

#include "base/clock.h"
#include "plan/plan.h"
#include "report/run_report.h"
#include "run/publish.h"
#include "sink/sink.h"

namespace loadgen {

// Blocks until the run is over and `publish_report` has its report. A signal may end the run early,
// but ends the process only as README.md says. Starts threads, all of them joined on return. Throws
// SetupError when the run cannot be started, and what `publish_report` throws; once it is started,
// failures are in the report.
RunReport run(const Plan& plan, Target& target, Clock& clock,
              const ReportPublisher& publish_report);

}  // namespace loadgen
