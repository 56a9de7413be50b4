// Where a finished report goes: to the user, and a copy of it into the database.
#pragma once

#include <functional>

#include "report/run_report.h"
#include "run/drive.h"

namespace loadgen {

using Deliver = std::function<void(const RunReport&)>;

// Blocks for both, for the database no longer than 10 s. Throws what `deliver` throws, once the
// copy is made. Ends the process when a thread of the run is stuck: it cannot be joined.
void publish(const RunReport& report, const Opened& opened, bool has_stuck_thread,
             const Deliver& deliver);

}  // namespace loadgen
