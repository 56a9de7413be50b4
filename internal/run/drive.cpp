#include "run/drive.h"

#include <spdlog/spdlog.h>

#include <system_error>
#include <thread>

#include "base/error.h"
#include "loadgen_version.h"
#include "report/result_document.h"
#include "run/await_database.h"
#include "run/machine.h"
#include "run/progress.h"

namespace loadgen {
namespace {

// A run that cannot start leaves no record in the database. Its record in the spool, without
// messages, is removed by the next run.
void record_start(const Opened& opened) {
  const Plan& plan = opened.plan;
  const Custody& custody = opened.lane->custody();
  if (custody.spool() != nullptr && custody.spool()->add_run(custody.run()) != SpoolStatus::kSafe) {
    throw SetupError(custody.problem());
  }
  RunLog* const log = opened.target.run_log();
  if (log == nullptr) return;
  const RunRecord record{
      .run_id = plan.run_id,
      .app_version = kVersion,
      .started_at = opened.lane->delivery().run.anchor.wall,
      .config_json = json_config(effective_config(plan, opened.target.info().insert))};
  await_database(
      opened.clock, plan.options, [&] { opened.target.interrupt(); }, [&] { log->start(record); });
}

// Shows the progress line as long as the result exists; without a thread the run goes on without
// it.
std::jthread start_progress(const Opened& opened, TimePoint begin) {
  const Options& options = opened.plan.options;
  if (!options.progress || options.quiet) return {};
  try {
    return std::jthread([&opened, begin](const std::stop_token& stop) {
      show_progress({opened.lane->sampler(), opened.lane->channel(), opened.clock, begin,
                     opened.lane->schedule().end()},
                    *opened.plan.options.progress, stop);
    });
  } catch (const std::system_error& error) {
    spdlog::warn("There is no progress line: {}", error.what());
    return {};
  }
}

}  // namespace

Drained drive(const Connected& connected) {
  const Opened& opened = connected.opened;
  Lane& lane = *opened.lane;
  lane.start();
  record_start(opened);
  {
    const std::jthread progress = start_progress(opened, lane.begin());
    lane.await_producers();
    lane.await_consumers();
  }
  return {opened, lane.finish(), opened.target.info(), client_usage()};
}

}  // namespace loadgen
