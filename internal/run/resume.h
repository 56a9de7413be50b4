// Before a run begins, delivers the messages that earlier runs left in the spool: the oldest run
// first, each message under its own run's id, and recorded frames unchanged. Audits each of those
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

// `delivery` is shared by all resumed runs; its `run`, `give_up` and `policy.origin` are set here.
// Blocks until all is delivered, nothing was delivered for --drain-timeout (at least a second), or
// a signal came: the first signal lets the frame in hand finish, the second does not, the third
// ends the process. Throws UsageError when a run is not recorded in the database, SetupError when
// it cannot go on, StartInterrupted after a signal; undelivered messages stay in the spool. The
// spool keeps its records of a run whose audit failed, as evidence.
std::vector<ResumedRun> resume(Spool& spool, const DeliveryContext& delivery,
                               const Options& options);

// The same for the spool of the opened run. Does nothing without a spool.
std::vector<ResumedRun> resume(const Opened& opened);

}  // namespace loadgen
