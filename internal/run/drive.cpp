#include "run/drive.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "loadgen_version.h"
#include "report/result_document.h"
#include "run/abort_watch.h"
#include "run/await_database.h"
#include "run/hdr_log_file.h"
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

// Ends production as soon as a threshold with "abort:" is broken, and notes which one it was. Must
// outlive its listener.
class Aborter {
 public:
  Aborter(Ending& ending, const std::vector<Threshold>& thresholds)
      : ending_(ending), thresholds_(thresholds), watch_(thresholds) {}

  // Null when there is nothing to watch.
  IntervalListener listener() {
    if (!watch_.watches()) return nullptr;
    return [this](const Interval& interval) { on_interval(interval); };
  }
  [[nodiscard]] const std::optional<BrokenThreshold>& broken() const { return broken_; }

 private:
  void on_interval(const Interval& interval) {
    if (interval.is_warmup || ending_.reached(Phase::kDraining)) return;
    broken_ = watch_.add(interval.counted, interval.sample, client_usage().max_rss_bytes);
    if (!broken_) return;
    const Threshold& threshold = thresholds_[broken_->index];
    spdlog::warn(
        "The threshold {} is broken ({} over the last {}): stopping producers and "
        "draining.",
        threshold.expression, observed_text({threshold, broken_->observed}),
        format_duration(*threshold.abort_window));
    ending_.end_production();
  }

  Ending& ending_;
  const std::vector<Threshold>& thresholds_;
  AbortWatch watch_;
  std::optional<BrokenThreshold> broken_;
};

}  // namespace

Drained drive(const Connected& connected) {
  const Opened& opened = connected.opened;
  Lane& lane = *opened.lane;
  lane.start();
  record_start(opened);
  const Options& options = opened.plan.options;
  Aborter aborter(lane.ending(), options.thresholds);
  std::optional<HdrLogFile> hdr_log;
  std::vector<IntervalListener> listeners;
  if (auto listener = aborter.listener()) listeners.push_back(std::move(listener));
  if (!options.hdr_log.empty()) {
    hdr_log.emplace(options.hdr_log);
    listeners.emplace_back([&](const Interval& interval) { hdr_log->add(interval); });
  }
  Observer observer(lane, opened.clock, observer_settings(options), std::move(listeners));
  const TimePoint start = lane.begin();
  if (hdr_log) hdr_log->begin(lane.delivery().run.anchor.wall_at(start));
  observer.begin(start);
  lane.await_producers();
  lane.await_consumers();
  observer.stop();
  if (hdr_log) hdr_log->commit();
  LaneEnd end = lane.finish();
  Observer::Observed observed = observer.finish(end.result.counts);
  return {.opened = opened,
          .end = std::move(end),
          .observed = std::move(observed),
          .ended_by = aborter.broken(),
          .database = opened.target.info(),
          .client = client_usage(),
          .hdr_log_problem = hdr_log ? hdr_log->problem() : ""};
}

}  // namespace loadgen
