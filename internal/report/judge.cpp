#include "report/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cctype>
#include <cstring>

#include "base/units.h"

namespace loadgen {
namespace {

// The CPU time of the set-up counts, too: in a shorter run it would be most of what is told.
constexpr std::chrono::milliseconds kTooShort{100};

double seconds(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

// The time a rate is over. Each message stands for 1/rate seconds, the last one, too: without that
// a run of one message would seem endlessly fast.
double time_base_s(const RunReport& report, nanoseconds time) {
  const double due =
      report.config.rps ? static_cast<double>(report.counts.scheduled) / *report.config.rps : 0;
  return time.count() > 0 ? std::max(seconds(time), due) : 0;
}

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double share(nanoseconds part, nanoseconds whole, std::uint32_t threads) {
  return whole.count() > 0 ? std::min(1.0, seconds(part) / (seconds(whole) * threads)) : 0;
}

// Whether the last message was stored or given up when a run at the wanted rate, which there must
// be, would have ended, or little later.
bool in_time(const RunReport& report) {
  assert(report.config.rps);
  const double due_s = static_cast<double>(report.counts.scheduled) / *report.config.rps;
  return seconds(report.total_time) <= due_s * 1.02 + 0.25;
}

// What the run waited for, told from where time went.
std::string bottleneck(const RunReport& report) {
  const bool real_database = report.database.kind != "null";
  if (report.counts.stored == 0) {
    return real_database && report.writing.count() > 0
               ? "the database, which took nothing of what it was given"
               : "not the database, which was given nothing";
  }
  if (report.total_time < kTooShort) return "not to be told from so short a run";
  const double writing = share(report.writing, report.total_time, report.config.consumers);
  const double blocked = share(report.queue.blocked, report.produce_time, report.config.producers);
  const bool queue_stood_full =
      report.counts.dropped > 0 || blocked > 0.05 ||
      report.queue.depth_mean > 0.5 * static_cast<double>(report.queue.capacity);
  if (real_database && (queue_stood_full || writing > 0.5)) {
    const std::string channel =
        report.counts.dropped > 0
            ? std::string("the channel was so full that messages were dropped")
            : fmt::format("the channel was full for producers {:.0f} % of the time", 100 * blocked);
    return fmt::format("the database: {}, consumers spent {:.0f} % of their time in writes",
                       channel, 100 * writing);
  }
  const double cpu_s = report.client.cpu_user_s + report.client.cpu_system_s;
  const double cores = std::min<double>(report.environment.cpu_count,
                                        cpu_s / std::max(1e-9, seconds(report.total_time)));
  return fmt::format(
      "this program and its machine: it used {:.1f} of {} cores, and half of the messages were "
      "made later than {} after they were due",
      cores, report.environment.cpu_count,
      format_latency(report.latency.schedule_lag.percentile(50)));
}

}  // namespace

double produced_per_second(const RunReport& report) {
  return per_second(report.counts.produced, time_base_s(report, report.produce_time));
}

double stored_per_second(const RunReport& report) {
  return per_second(report.counts.stored, time_base_s(report, report.total_time));
}

std::optional<bool> sustained(const RunReport& report) {
  if (!report.config.rps) return std::nullopt;
  return report.counts.stored == report.counts.scheduled && in_time(report);
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

// What became of the messages that are not stored: ", 5 dropped, 1 unsent".
std::string missing(const RunReport& report) {
  const Counts& counts = report.counts;
  std::string list;
  const auto mention = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) list += fmt::format(", {} {}", format_count(count), what);
  };
  mention(counts.skipped, "skipped");
  mention(counts.dropped, "dropped");
  mention(counts.dead_lettered, "dead-lettered");
  mention(counts.spooled, "spooled");
  mention(counts.unsent, "unsent");
  mention(counts.in_doubt, "in doubt");
  if (report.drain_timed_out) list += " when --drain-timeout was over";
  return list;
}

std::string judge(const RunReport& report) {
  const std::string stored = fmt::format("{:.0f}", stored_per_second(report));
  if (report.failure) {
    return fmt::format("The run failed: {} ({}).", report.failure->message, report.failure->code);
  }
  if (!report.accounts_agree()) return "The accounting does not balance: this is a bug in loadgen.";
  if (report.audit.passed == false) {
    return "The table does not hold what the database acknowledged: see the audit.";
  }
  if (resumed_audit_failed(report)) {
    return "The table does not hold what the spool had accepted from an earlier run.";
  }
  if (report.audit_aborted_by != 0) {
    return fmt::format("What is stored was not audited to the end, because SIG{} came again.",
                       sigabbrev_np(report.audit_aborted_by));
  }
  const auto was_sustained = sustained(report);
  if (!was_sustained) {
    return fmt::format(
        "No rate was asked for: {} messages a second were stored{}; the limit was {}.", stored,
        missing(report), bottleneck(report));
  }
  const std::string wanted = format_rate(*report.config.rps);
  if (*was_sustained) return fmt::format("The rate of {} messages a second was sustained.", wanted);
  const Counts& counts = report.counts;
  if (in_time(report) && counts.stored + counts.dead_lettered == counts.scheduled) {
    return fmt::format(
        "The rate of {} messages a second was not sustained: {} dead-lettered, as the database "
        "refused them; all others were stored in time.",
        wanted, format_count(counts.dead_lettered));
  }
  return fmt::format(
      "The rate of {} messages a second was not sustained: {} a second were stored{}; "
      "the bottleneck was {}.",
      wanted, stored, missing(report), bottleneck(report));
}

}  // namespace

std::string verdict(const RunReport& report) {
  std::string sentence = judge(report);
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
  if (report.audit_aborted_by != 0) {
    return static_cast<ExitCode>(kExitSignal + report.audit_aborted_by);
  }
  // With no other end a signal is the normal one.
  const bool open_end = report.config.duration.count() == 0 && !report.config.count;
  if (report.interrupted_by != 0 && !open_end) {
    return static_cast<ExitCode>(kExitSignal + report.interrupted_by);
  }
  return kExitOk;
}

}  // namespace loadgen
