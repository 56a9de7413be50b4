#include "run/run.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <new>
#include <optional>

#include "base/error.h"
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
  deliver(report);
  // All is decided and told: the database's copy of it may fail.
  pipeline.record_result(report);
  if (pipeline.has_stuck_thread()) std::_Exit(report.exit_code);
  return report;
}

}  // namespace loadgen
