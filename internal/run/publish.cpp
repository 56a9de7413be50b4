#include "run/publish.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/time_limit.h"
#include "report/judge.h"
#include "report/result_document.h"
#include "run/await_database.h"
#include "run/log.h"

namespace loadgen {
namespace {

// How long a working database may take to store the one row with the result.
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
             const ReportPublisher& publish_report) {
  // The user comes first, because storing the copy in the database may fail or never happen.
  std::optional<SetupError> unpublished;
  try {
    publish_report(report);
  } catch (const SetupError& error) {
    unpublished = error;
  }
  if (has_stuck_thread) {
    finish_logging();
    if (unpublished) write_last_line(fmt::format("app: {}\n", unpublished->what()));
    std::_Exit(unpublished ? int{kExitFailed} : report.exit_code);
  }
  // A user who aborts does not want to wait for the database.
  if (opened.lane->ending().aborted_by() == 0) record_end(report, opened);
  if (unpublished) throw SetupError(*unpublished);
}

}  // namespace loadgen
