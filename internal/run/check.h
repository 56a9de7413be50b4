// The audit of a run whose threads are done: what it acknowledged is read back from the table.
#pragma once

#include <optional>

#include "audit/audit.h"
#include "report/run_report.h"
#include "run/drive.h"

namespace loadgen {

struct Checked {
  AuditResult audit;
  int aborted_by = 0;                      // the signal that ended the audit, 0 = none
  std::optional<ReportedError> problem{};  // why the table could not be read
};

// Blocks while it reads. Says in the log why a table is not audited. Never throws for the
// database's sake.
Checked check(const Drained& drained);

}  // namespace loadgen
