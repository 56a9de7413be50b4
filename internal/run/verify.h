// Audits a run that is over, by its records in the database.
#pragma once

#include "base/clock.h"
#include "options/parse_options.h"
#include "report/verify_report.h"

namespace loadgen {

// Blocks; changes nothing. Throws SetupError when there is no such run or the database cannot be
// read.
VerifyReport verify(const Verify& wanted, Clock& clock);

}  // namespace loadgen
