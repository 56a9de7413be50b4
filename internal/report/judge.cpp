#include "report/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cctype>
#include <cstring>
#include <vector>

#include "base/seconds.h"
#include "base/units.h"
#include "report/bottleneck.h"
#include "report/sustained.h"

namespace loadgen {
namespace {

// How long the schedule is, until the last message has accrued. A rate must be wanted.
double schedule_s(const RunReport& report) {
  assert(report.profile);
  return report.profile->length_s(report.counts.scheduled);
}

// The measured time over which a rate is computed, up to `time`. Each message stands for 1/rate
// seconds, including the last one; otherwise a run of one message would seem infinitely fast.
double time_base_s(const RunReport& report, nanoseconds time) {
  if (time.count() <= 0) return 0;
  const double due = report.profile ? schedule_s(report) : 0;
  return std::max(seconds(time), due) - seconds(report.measured_from());
}

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

// Whether the last message was stored or given up about when a run at the wanted rate would have
// ended. A rate must be wanted.
bool in_time(const RunReport& report) {
  const double due_s = schedule_s(report);
  return seconds(report.total_time) <= due_s * 1.02 + 0.25;
}

}  // namespace

std::optional<double> wanted_per_second(const RunReport& report) {
  if (!report.profile) return std::nullopt;
  if (!report.warmup) return report.profile->mean_rate(report.counts.scheduled);
  const nanoseconds warmup = report.config.warmup;
  const double length_s = schedule_s(report) - seconds(warmup);
  if (length_s <= 0) return std::nullopt;
  return (static_cast<double>(report.counts.scheduled) - report.profile->messages(warmup)) /
         length_s;
}

double produced_per_second(const RunReport& report) {
  return per_second(report.measured().produced, time_base_s(report, report.produce_time));
}

double stored_per_second(const RunReport& report) {
  return per_second(report.measured().ends[Fate::kStored], time_base_s(report, report.total_time));
}

namespace {

bool resumed_audit_failed(const RunReport& report) {
  return std::any_of(report.resumed.begin(), report.resumed.end(),
                     [](const ResumedRun& run) { return run.audit.passed == false; });
}

bool resumed_with_losses(const RunReport& report) {
  return std::any_of(report.resumed.begin(), report.resumed.end(),
                     [](const ResumedRun& run) { return run.dead_lettered + run.damaged > 0; });
}

// The fates of the messages that are not stored: ", 5 dropped, 1 unsent".
std::string missing(const RunReport& report) {
  const Counts& counts = report.counts;
  std::string list;
  const auto mention = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) list += fmt::format(", {} {}", format_count(count), what);
  };
  mention(counts.skipped, "skipped");
  mention(counts.ends[Fate::kDropped], "dropped");
  mention(counts.ends[Fate::kDeadLettered], "dead-lettered");
  mention(counts.ends[Fate::kSpooled], "spooled");
  mention(counts.ends[Fate::kUnsent], "unsent");
  mention(counts.ends[Fate::kInDoubt], "in doubt");
  if (counts.ends[Fate::kInDoubt] > 0 && report.audit.recovered > 0) {
    list += fmt::format(", of which {} found stored", format_count(report.audit.recovered));
  }
  if (report.drain_timed_out) list += " when --drain-timeout was over";
  return list;
}

constexpr std::string_view kUnbalanced =
    "The accounting does not balance: this is a bug in loadgen.";

// Adds the losses that the sentence does not mention.
std::string with_losses(const RunReport& report, std::string sentence) {
  const std::string list = missing(report);
  if (list.empty()) return sentence;
  return fmt::format("{} Of {} messages {} were stored{}.", sentence,
                     format_count(report.counts.scheduled),
                     format_count(report.counts.ends[Fate::kStored]), list);
}

std::string judge_rate(const RunReport& report) {
  const std::string stored = format_amount(stored_per_second(report), 0);
  const std::optional<double> wanted_rate = wanted_per_second(report);
  if (report.warmup && report.measured().scheduled == 0) {
    return "Nothing was measured: the run ended within its warm-up.";
  }
  if (!wanted_rate) {
    return fmt::format("No rate was asked for: {} messages a second were stored{}; {}.", stored,
                       missing(report), blame(report, "limit"));
  }
  const std::string wanted = format_rate(*wanted_rate);
  const Sustained was = sustained(report);
  if (!was.rate_was) {
    return fmt::format("Whether the rate of {} messages a second was sustained cannot be told: {}.",
                       wanted, was.unknown_because);
  }
  if (*was.rate_was) return fmt::format("The rate of {} messages a second was sustained.", wanted);
  const Counts& counts = report.counts;
  if (in_time(report) &&
      counts.ends[Fate::kStored] + counts.ends[Fate::kDeadLettered] == counts.scheduled &&
      counts.ends[Fate::kDeadLettered] > 0) {
    return fmt::format(
        "The rate of {} messages a second was not sustained: {} dead-lettered, as the database "
        "refused them; {}.",
        wanted, format_count(counts.ends[Fate::kDeadLettered]),
        counts.ends[Fate::kStored] > 0 ? "all others were stored in time" : "none was stored");
  }
  return fmt::format(
      "The rate of {} messages a second was not sustained: {} a second were stored{}; {}.", wanted,
      stored, missing(report), blame(report, "bottleneck"));
}

std::string judge(const RunReport& report) {
  if (!report.started) {
    return fmt::format("The run could not start: {}.", report.failure->message);
  }
  if (report.failure) {
    const std::string failed =
        fmt::format("The run failed: {} ({}).", report.failure->message, report.failure->code);
    return with_losses(
        report, report.accounts_agree() ? failed : fmt::format("{} {}", failed, kUnbalanced));
  }
  if (!report.accounts_agree()) return with_losses(report, std::string(kUnbalanced));
  if (report.audit.passed == false) {
    return with_losses(report,
                       "The table does not hold what the database acknowledged: see the audit.");
  }
  if (resumed_audit_failed(report)) {
    return with_losses(report,
                       "The table does not hold what the spool had accepted from an earlier run.");
  }
  if (report.audit_aborted_by != 0) {
    return with_losses(
        report, fmt::format("What is stored was not audited to the end, because SIG{} came again.",
                            sigabbrev_np(report.audit_aborted_by)));
  }
  return judge_rate(report);
}

std::vector<const ThresholdResult*> failed_thresholds(const RunReport& report) {
  std::vector<const ThresholdResult*> failed;
  for (const ThresholdResult& result : report.thresholds) {
    if (!result.passed) failed.push_back(&result);
  }
  return failed;
}

// "" when none failed.
std::string thresholds_sentence(const RunReport& report) {
  const auto failed = failed_thresholds(report);
  if (failed.empty()) return "";
  std::string list;
  for (const ThresholdResult* const result : failed) {
    list += fmt::format("{}{}{}", list.empty() ? "" : ", ", result->threshold.expression,
                        result->aborted ? " (which ended the run)" : "");
  }
  return failed.size() == 1 ? fmt::format(" The threshold {} failed.", list)
                            : fmt::format(" {} thresholds failed: {}.", failed.size(), list);
}

}  // namespace

std::string verdict(const RunReport& report) {
  std::string sentence = judge(report);
  if (report.started) sentence += thresholds_sentence(report);
  if (resumed_with_losses(report))
    sentence += " Not all messages of an earlier run were delivered.";
  if (report.interrupted_by == 0) return sentence;
  sentence.front() = static_cast<char>(std::tolower(sentence.front()));
  return fmt::format("Ended early by SIG{}: {}", sigabbrev_np(report.interrupted_by), sentence);
}

ExitCode exit_code(const RunReport& report) {
  if (report.failure) return kExitFailed;
  if (!report.accounts_agree() || report.audit.passed == false || resumed_audit_failed(report)) {
    return kExitViolation;
  }
  if (report.counts.losses() > 0 || resumed_with_losses(report)) return kExitLosses;
  if (!failed_thresholds(report).empty()) return kExitThreshold;
  if (report.audit_aborted_by != 0) {
    return static_cast<ExitCode>(kExitSignal + report.audit_aborted_by);
  }
  // Without another end, a signal is the normal end.
  const bool open_end = report.config.duration.count() == 0 && !report.config.count;
  if (report.interrupted_by != 0 && !open_end) {
    return static_cast<ExitCode>(kExitSignal + report.interrupted_by);
  }
  return kExitOk;
}

}  // namespace loadgen
