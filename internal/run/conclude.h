// Makes the finished report from the results of a run's steps.
#pragma once

#include <string>
#include <vector>

#include "report/run_report.h"
#include "run/check.h"
#include "run/drive.h"

namespace loadgen {

RunReport conclude(const std::vector<ResumedRun>& resumed, Drained drained, const Checked& checked);

// The report of a run that could not start, with the reason and the process's exit code.
RunReport report_failed_start(const Plan& plan, Target& target, Clock& clock,
                              const std::string& reason, int exit_code);

}  // namespace loadgen
