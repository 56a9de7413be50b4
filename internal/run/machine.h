// What the run happens on, and what this process used of it.
#pragma once

#include "report/run_report.h"

namespace loadgen {

Environment describe_machine();

// Of the whole process, up to now.
ClientUsage client_usage();

}  // namespace loadgen
