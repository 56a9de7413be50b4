// Reads back what json_report wrote into loadgen_runs.
#pragma once

#include "audit/audit.h"
#include "sink/sink.h"

namespace loadgen {

// Throws SetupError when json_report cannot have written the record.
RecordedFacts facts_of(const RecordedRun& run);

}  // namespace loadgen
