// The audit of a run whose threads are done: reads the acknowledged messages back from the table.
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

// Blocks while it reads. Logs why a table is not audited. Does not throw when the database fails.
Checked check(const Drained& drained);

}  // namespace loadgen
