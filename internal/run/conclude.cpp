#include "run/conclude.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/units.h"
#include "report/judge.h"
#include "report/thresholds.h"
#include "run/machine.h"

namespace loadgen {
namespace {

ReportedError reported(const WriteResult& result, std::uint64_t count) {
  const bool in_doubt = result.outcome == WriteOutcome::kInDoubt;
  return {.code = result.error.code,
          .error_class = in_doubt ? "in_doubt" : std::string(to_name(result.error.error_class)),
          .count = count,
          .message = result.error.message};
}

void take_times(RunReport& report, const LaneResult& lane) {
  const TimePoint last_commit =
      std::max(lane.samples.measured.last_commit, lane.samples.warmup.last_commit);
  report.produce_time = lane.producers_done - lane.start;
  report.drain_time = lane.consumers_done - lane.producers_done;
  report.silence_at_end = lane.consumers_done - std::max(last_commit, lane.start);
  const std::uint64_t stored = lane.counts.ends[Fate::kStored];
  const bool all_stored = stored == lane.counts.produced && stored > 0;
  report.total_time = (all_stored ? last_commit : lane.consumers_done) - lane.start;
}

// The numbers that were measured, and those of the warm-up.
void take_measurements(RunReport& report, LaneResult& lane, Observer::Observed observed) {
  report.counts = lane.counts;
  report.frames = lane.samples.measured.frames;
  report.writing = lane.samples.measured.writing;
  report.latency = std::move(lane.samples.measured.latency);
  report.latency.stored.merge(lane.samples.warmup.latency.stored);
  report.series = std::move(observed.series);
  report.self_check = std::move(lane.self_check);
  if (!observed.warmup) return;
  report.warmup.emplace(Warmup{.duration = observed.warmup->duration,
                               .counts = observed.warmup->counts,
                               .response = std::move(lane.samples.warmup.latency.response)});
}

std::string end_of_production(const LaneResult& lane) {
  if (lane.interrupted_by != 0) {
    return fmt::format("SIG{} ended production", sigabbrev_np(lane.interrupted_by));
  }
  return "production ended";
}

// What changed on the way.
void take_events(RunReport& report, const LaneResult& lane,
                 const std::optional<BrokenThreshold>& ended_by) {
  std::vector<RunEvent>& events = report.events;
  if (report.warmup) events.push_back({report.warmup->duration, "warmup", "the warm-up ended"});
  for (const BreakerTransition& transition : lane.breaker.transitions) {
    events.push_back({transition.at - lane.start, "breaker",
                      fmt::format("the circuit breaker is {} (it was {})", to_name(transition.to),
                                  to_name(transition.from))});
  }
  if (ended_by) {
    const Threshold& threshold = report.config.thresholds[ended_by->index];
    events.push_back({ended_by->at, "threshold",
                      fmt::format("the threshold {} was broken over the last {}: {}",
                                  threshold.expression, format_duration(*threshold.abort_window),
                                  observed_text({threshold, ended_by->observed}))});
  }
  events.push_back({lane.producers_done - lane.start,
                    lane.interrupted_by != 0 ? "signal" : "production", end_of_production(lane)});
  if (lane.failure) {
    events.push_back({lane.producers_done - lane.start, "failure",
                      fmt::format("the run failed: {}", lane.failure->message)});
  }
  if (lane.drain_timed_out) {
    events.push_back({lane.consumers_done - lane.start, "drain", "the drain timeout was over"});
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const RunEvent& a, const RunEvent& b) { return a.at < b.at; });
}

// What went wrong on the way.
void take_errors(RunReport& report, const LaneResult& lane, const Checked& checked) {
  for (const ErrorCount& error : lane.errors) {
    report.errors.push_back(reported(error.first, error.count));
  }
  if (lane.failure) report.failure = reported({WriteOutcome::kNotWritten, *lane.failure}, 1);
  if (!checked.problem) return;
  report.errors.push_back(*checked.problem);
  if (!report.failure) report.failure = checked.problem;  // the first one may be its cause
}

}  // namespace

RunReport conclude(const std::vector<ResumedRun>& resumed, Drained drained,
                   const Checked& checked) {
  const Opened& opened = drained.opened;
  LaneResult& lane = drained.end.result;
  const WallAnchor& anchor = opened.lane->delivery().run.anchor;
  RunReport report;
  report.run_id = opened.plan.run_id;
  report.started_at = anchor.wall_at(lane.start);
  report.ended_at = anchor.wall_at(lane.consumers_done);
  report.config = effective_config(opened.plan, drained.database.insert);
  report.profile = opened.lane->schedule().profile();
  report.environment = describe_machine();
  report.database = drained.database;
  report.client = drained.client;
  report.resumed = resumed;
  report.audit = checked.audit;
  report.audit_aborted_by = checked.aborted_by;
  take_times(report, lane);
  take_errors(report, lane, checked);
  take_events(report, lane, drained.ended_by);
  take_measurements(report, lane, std::move(drained.observed));
  report.sequences_agree = lane.sequences_agree;
  report.queue = lane.queue;
  report.breaker = lane.breaker;
  report.oldest_not_stored = lane.oldest_not_stored;
  report.unsent_problem = lane.unsent_problem;
  report.interrupted_by = lane.interrupted_by;
  report.drain_timed_out = lane.drain_timed_out;
  report.thresholds = judge_thresholds(report, drained.ended_by);
  report.verdict = verdict(report);
  report.exit_code = exit_code(report);
  return report;
}

RunReport report_failed_start(const Plan& plan, Target& target, Clock& clock,
                              const std::string& reason, int exit_code) {
  RunReport report;
  report.started = false;
  report.run_id = plan.run_id;
  report.started_at = report.ended_at = clock.wall_now();
  report.config = effective_config(plan, plan.options.insert);
  report.profile = plan.schedule.profile();
  report.environment = describe_machine();
  report.database = target.info();
  report.queue.capacity = plan.options.queue_capacity;
  report.client = client_usage();
  report.breaker = {.state = plan.options.breaker == Breaker::kOff ? "off" : "closed"};
  report.failure = ReportedError{"start", "fatal", 1, reason};
  report.thresholds = judge_thresholds(report, std::nullopt);
  report.interrupted_by = exit_code > kExitSignal ? exit_code - kExitSignal : 0;
  report.verdict = verdict(report);
  report.exit_code = exit_code;
  return report;
}

}  // namespace loadgen
