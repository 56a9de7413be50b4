#include "run/check.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "run/audit_watch.h"
#include "run/await_database.h"

namespace loadgen {

Checked check(const Drained& drained) {
  const Opened& opened = drained.opened;
  const LaneEnd& end = drained.end;
  const Ending& ending = opened.lane->ending();
  const VerifyMode mode = opened.plan.options.verify;
  Checked checked{.audit = {.mode = mode}};
  if (end.has_stuck_thread) {
    // Reading might not come back either.
    spdlog::warn("The table was not audited.");
    return checked;
  }
  if (ending.aborted_by() != 0) {
    checked.aborted_by = mode == VerifyMode::kOff ? 0 : ending.aborted_by();
    spdlog::warn("Aborted: the table was not audited.");
    return checked;
  }
  try {
    opened.target.check_is_in_place();
    AuditWatch watch(opened.clock);
    // Each attempt starts over; what a lost session had read is discarded.
    retry_lost_session(opened.clock, [&] {
      checked.audit = audit(opened.target.rows(),
                            {.run_id = opened.plan.run_id,
                             .acknowledged = end.acknowledged,
                             .produced = end.produced,
                             .generator = opened.lane->generator(),
                             .duplicates_allowed = end.result.samples.measured.resent +
                                                   end.result.samples.warmup.resent},
                            mode, ending.token(Phase::kAborting), &watch.rows_read());
    });
    if (checked.audit.mode != VerifyMode::kOff && !checked.audit.passed) {
      checked.aborted_by = ending.aborted_by();
    }
  } catch (const SetupError& error) {
    checked.audit = {.mode = mode};
    if (ending.reached(Phase::kAborting)) {
      checked.aborted_by = ending.aborted_by();
    } else {
      spdlog::error("The stored rows could not be checked: {}", error.what());
      checked.problem = ReportedError{"audit", "fatal", 1, error.what()};
    }
  }
  return checked;
}

}  // namespace loadgen
