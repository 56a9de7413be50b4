// Describes the machine and the resources that this process has used.
#pragma once

#include "report/run_report.h"

namespace loadgen {

Environment describe_machine();

// Of the whole process, up to now.
ClientUsage client_usage();

}  // namespace loadgen
