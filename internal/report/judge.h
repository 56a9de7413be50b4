// What a result means: rates, the verdict and the exit code. Pure functions of a finished report.
#pragma once

#include <optional>
#include <string>

#include "report/run_report.h"

namespace loadgen {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,  // could not start, or the target failed for good
  kExitUsage = 2,
  kExitLosses = 3,      // messages dropped, dead-lettered, unsent or in doubt
  kExitViolation = 4,   // the audit failed or the conservation law does not balance
  kExitThreshold = 99,  // a threshold failed
  kExitSignal = 128,    // plus the signal's number: ended early, but drained cleanly
};

// The mean over the messages that were scheduled; nullopt = as fast as possible.
std::optional<double> wanted_per_second(const RunReport& report);
double produced_per_second(const RunReport& report);
double stored_per_second(const RunReport& report);

// What happened, for people, in a few sentences, including everything that was lost.
std::string verdict(const RunReport& report);

ExitCode exit_code(const RunReport& report);

}  // namespace loadgen
