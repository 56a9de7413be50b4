#include "run/drive.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/error.h"
#include "loadgen_version.h"
#include "report/result_document.h"
#include "run/await_database.h"
#include "run/machine.h"

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

Observer::Settings observer_settings(const Options& options) {
  return {.warmup = options.warmup, .progress = options.quiet ? std::nullopt : options.progress};
}

}  // namespace

Drained drive(const Connected& connected) {
  const Opened& opened = connected.opened;
  Lane& lane = *opened.lane;
  lane.start();
  record_start(opened);
  Observer observer(lane, opened.clock, observer_settings(opened.plan.options), {});
  observer.begin(lane.begin());
  lane.await_producers();
  lane.await_consumers();
  observer.stop();
  LaneEnd end = lane.finish();
  Observer::Observed observed = observer.finish(end.result.counts);
  return {opened, std::move(end), std::move(observed), opened.target.info(), client_usage()};
}

}  // namespace loadgen
