// Delivers what earlier runs left in the spool, in the order they came, before this run begins:
// each message under its own run's id, frames that were fixed as they were. Audits each of those
// runs.
#pragma once

#include <vector>

#include "base/clock.h"
#include "delivery/courier.h"
#include "options/options.h"
#include "report/run_report.h"
#include "run/open.h"
#include "spool/spool.h"

namespace loadgen {

// What all resumed runs share; its `run`, `give_up` and `policy.origin` are set here. Blocks until
// all is delivered, nothing was for --drain-timeout (a second at least), or a signal came: the
// first lets the frame in hand be finished, the second does not, the third ends the process.
// Throws UsageError when a run is not recorded in the database, SetupError when it cannot go on,
// StartInterrupted after a signal; what is not delivered stays in the spool. A run whose audit
// failed is not forgotten: what the spool knows of it is evidence.
std::vector<ResumedRun> resume(Spool& spool, const DeliveryContext& delivery,
                               const Options& options);

// The same for the spool of a run that is about to begin; nothing without one.
std::vector<ResumedRun> resume(const Opened& opened);

}  // namespace loadgen
