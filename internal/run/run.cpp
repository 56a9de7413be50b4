#include "run/run.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <new>
#include <optional>

#include "base/error.h"
#include "base/redact.h"
#include "report/judge.h"
#include "run/log.h"
#include "run/machine.h"
#include "run/pipeline.h"
#include "run/signals.h"

namespace loadgen {

RunReport run_pipeline(const Plan& plan, Target& target, Clock& clock,
                       const std::function<void(const RunReport&)>& deliver) {
  spdlog::info("Starting application...");
  std::optional<Pipeline> made;
  try {
    made.emplace(plan, target, clock);
  } catch (const std::bad_alloc&) {
    throw SetupError(fmt::format("--queue-capacity={}: there is not enough memory for it",
                                 plan.options.queue_capacity));
  }
  Pipeline& pipeline = *made;
  pipeline.open_target();
  pipeline.resume_spooled();
  pipeline.connect();
  // Until here a signal simply ends the process: nothing has been produced.
  const SignalWatcher signals(clock, [&](int signal, int nth) { pipeline.on_signal(signal, nth); });
  pipeline.start_consumers();
  pipeline.start_producers();
  pipeline.begin();
  pipeline.await_producers();
  pipeline.close_channel();
  pipeline.await_consumers();
  RunReport report = pipeline.finish();
  // All is decided: the database's copy of it may fail, or never be made, and so it comes last.
  std::optional<SetupError> undelivered;
  try {
    deliver(report);
  } catch (const SetupError& error) {
    undelivered = error;
  }
  pipeline.record_result(report);
  if (pipeline.has_stuck_thread()) {
    finish_logging();
    if (undelivered) write_last_line(fmt::format("app: {}\n", undelivered->what()));
    std::_Exit(undelivered ? int{kExitFailed} : report.exit_code);
  }
  if (undelivered) throw SetupError(*undelivered);
  return report;
}

RunReport report_failed_start(const Plan& plan, Target& target, Clock& clock,
                              const std::string& reason, int exit_code) {
  RunReport report;
  report.started = false;
  report.run_id = plan.run_id;
  report.started_at = report.ended_at = clock.wall_now();
  report.config = plan.options;
  report.config.seed = plan.seed;
  report.config.db = redact(plan.options.db);
  report.environment = describe_machine();
  report.database = target.info();
  report.queue.capacity = plan.options.queue_capacity;
  report.client = client_usage();
  report.breaker = {.state = plan.options.breaker == Breaker::kOff ? "off" : "closed"};
  report.failure = ReportedError{"start", "fatal", 1, reason};
  report.interrupted_by = exit_code > kExitSignal ? exit_code - kExitSignal : 0;
  report.verdict = verdict(report);
  report.exit_code = exit_code;
  return report;
}

}  // namespace loadgen
