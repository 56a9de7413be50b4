#include "run/run.h"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "run/check.h"
#include "run/conclude.h"
#include "run/drive.h"
#include "run/open.h"
#include "run/outside.h"
#include "run/resume.h"

namespace loadgen {

RunReport run(const Plan& plan, Target& target, Clock& clock,
              const ReportPublisher& publish_report) {
  spdlog::info("Starting application...");
  const Opened opened = open(plan, target, clock);
  const std::vector<ResumedRun> resumed = resume(opened);
  const Connected connected = connect(opened);
  // Until here a signal simply ends the process: nothing has been produced.
  Outside outside(clock, *opened.lane, target);
  Drained drained = drive(connected);
  outside.begin_audit();
  const Checked checked = check(drained);
  const bool has_stuck_thread = drained.end.has_stuck_thread;
  const std::string hdr_log_problem = drained.hdr_log_problem;
  RunReport report = conclude(resumed, std::move(drained), checked);
  publish(report, opened, has_stuck_thread, [&](const RunReport& finished) {
    publish_report(finished);
    if (!hdr_log_problem.empty()) throw SetupError(hdr_log_problem);
  });
  return report;
}

}  // namespace loadgen
