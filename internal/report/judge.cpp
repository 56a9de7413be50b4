#include "report/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"

namespace loadgen {
namespace {

double seconds(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

double per_second(std::uint64_t count, nanoseconds time) {
  return time.count() > 0 ? static_cast<double>(count) / seconds(time) : 0;
}

double share(nanoseconds part, nanoseconds whole, std::uint32_t threads) {
  return whole.count() > 0 ? std::min(1.0, seconds(part) / (seconds(whole) * threads)) : 0;
}

// What the run waited for, told from where time went.
std::string bottleneck(const RunReport& report) {
  const double writing = share(report.writing, report.total_time, report.config.consumers);
  const double blocked = share(report.queue.blocked, report.produce_time, report.config.producers);
  const bool queue_stood_full =
      report.counts.dropped > 0 || blocked > 0.05 ||
      report.queue.depth_mean > 0.5 * static_cast<double>(report.queue.capacity);
  const bool real_database = report.database.kind != "null";
  if (real_database && (queue_stood_full || writing > 0.5)) {
    return fmt::format(
        "the database: the channel was full for producers {:.0f} % of the time, consumers spent "
        "{:.0f} % of theirs in writes",
        100 * blocked, 100 * writing);
  }
  const double cpu =
      report.total_time.count() > 0
          ? (report.client.cpu_user_s + report.client.cpu_system_s) / seconds(report.total_time)
          : 0;
  return fmt::format(
      "this program and its machine: it used {:.1f} of {} cores, and half of the messages were "
      "made "
      "within {} of their time",
      cpu, report.environment.cpu_count,
      format_latency(report.latency.schedule_lag.percentile(50)));
}

}  // namespace

double produced_per_second(const RunReport& report) {
  return per_second(report.counts.produced, report.produce_time);
}

double stored_per_second(const RunReport& report) {
  return per_second(report.counts.stored, report.total_time);
}

std::optional<bool> sustained(const RunReport& report) {
  if (!report.config.rps) return std::nullopt;
  const double due_s = static_cast<double>(report.counts.scheduled) / *report.config.rps;
  return report.counts.stored == report.counts.scheduled &&
         seconds(report.total_time) <= due_s * 1.02 + 0.25;
}

std::string verdict(const RunReport& report) {
  const std::string stored = fmt::format("{:.0f}", stored_per_second(report));
  if (report.target_failed) {
    return fmt::format("The run failed: {} ({}).", report.errors.front().message,
                       report.errors.front().code);
  }
  if (!report.accounts_agree()) return "The accounting does not balance: this is a bug in loadgen.";
  if (report.audit.passed == false) {
    return "The table does not hold what the database acknowledged: see the audit.";
  }
  const auto kept = sustained(report);
  if (!kept) {
    return fmt::format("No rate was asked for: {} messages a second were stored; the limit was {}.",
                       stored, bottleneck(report));
  }
  const std::string wanted = format_rate(*report.config.rps);
  if (*kept) return fmt::format("The rate of {} messages a second was sustained.", wanted);
  const Counts& counts = report.counts;
  std::string missing;
  const auto mention = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) missing += fmt::format(", {} {}", format_count(count), what);
  };
  mention(counts.skipped, "skipped");
  mention(counts.dropped, "dropped");
  mention(counts.unsent, "unsent");
  mention(counts.in_doubt, "in doubt");
  if (report.drain_timed_out) missing += " when --drain-timeout was over";
  return fmt::format(
      "The rate of {} messages a second was not sustained: {} a second were stored{}; "
      "the bottleneck was {}.",
      wanted, stored, missing, bottleneck(report));
}

ExitCode exit_code(const RunReport& report) {
  if (report.target_failed) return kExitFailed;
  if (!report.accounts_agree() || report.audit.passed == false) return kExitViolation;
  if (report.counts.losses() > 0) return kExitLosses;
  // With no other end a signal is the normal one.
  const bool open_end = report.config.duration.count() == 0 && !report.config.count;
  if (report.interrupted_by != 0 && !open_end) {
    return static_cast<ExitCode>(kExitSignal + report.interrupted_by);
  }
  return kExitOk;
}

}  // namespace loadgen
