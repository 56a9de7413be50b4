// Gives a finished report to the user and stores a copy in the database.
#pragma once

#include <functional>

#include "report/run_report.h"
#include "run/drive.h"

namespace loadgen {

using ReportPublisher = std::function<void(const RunReport&)>;

// Blocks for both, for the database at most 10 s. Throws what `publish_report` throws, after the
// copy is made. Exits the process when a thread of the run is stuck and cannot be joined.
void publish(const RunReport& report, const Opened& opened, bool has_stuck_thread,
             const ReportPublisher& publish_report);

}  // namespace loadgen
