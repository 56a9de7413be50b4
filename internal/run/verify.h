// Audits a run that is over, by what the database remembers of it.
#pragma once

#include <string>

#include "audit/audit.h"
#include "base/clock.h"
#include "options/parse_options.h"

namespace loadgen {

struct VerifyReport {
  RecordedRun run;
  AuditResult audit;
};

// For people, some lines.
std::string to_text(const VerifyReport& report);

// Blocks; changes nothing. Throws SetupError when there is no such run or the database cannot be
// read.
VerifyReport verify(const Verify& wanted, Clock& clock);

}  // namespace loadgen
