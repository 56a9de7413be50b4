#include "run/publish.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/time_limit.h"
#include "report/json_report.h"
#include "report/judge.h"
#include "run/await_database.h"
#include "run/log.h"

namespace loadgen {
namespace {

// How long a database that was well may take for the one row that holds the result.
constexpr std::chrono::seconds kRecordLimit{10};

void record_end(const RunReport& report, const Opened& opened) {
  RunLog* const log = opened.target.run_log();
  if (log == nullptr) return;
  const TimeLimit limit(opened.clock, kRecordLimit, [&] { opened.target.interrupt(); });
  try {
    const std::string result = json_report(report);
    retry_lost_session(opened.clock, [&] { log->end(report.run_id, report.ended_at, result); });
  } catch (const SetupError& error) {
    // The result itself is complete; only its copy in the database is missing.
    spdlog::warn("The result could not be recorded in the database: {}", error.what());
  }
}

}  // namespace

void publish(const RunReport& report, const Opened& opened, bool has_stuck_thread,
             const Deliver& deliver) {
  // All is decided: the database's copy of it may fail, or never be made, and so it comes last.
  std::optional<SetupError> undelivered;
  try {
    deliver(report);
  } catch (const SetupError& error) {
    undelivered = error;
  }
  if (has_stuck_thread) {
    finish_logging();
    if (undelivered) write_last_line(fmt::format("app: {}\n", undelivered->what()));
    std::_Exit(undelivered ? int{kExitFailed} : report.exit_code);
  }
  // Whoever aborts does not want to wait for a database.
  if (!opened.lane->ending().reached(Phase::kAborting)) record_end(report, opened);
  if (undelivered) throw SetupError(*undelivered);
}

}  // namespace loadgen
