#include "report/bottleneck.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/seconds.h"
#include "base/units.h"
#include "report/sustained.h"

namespace loadgen {
namespace {

// CPU time includes the set-up, which would dominate in a shorter run.
constexpr std::chrono::milliseconds kTooShort{100};
// A database that confirms nothing for this long at the end, although it has work, has stalled.
constexpr std::chrono::milliseconds kStalled{500};

double share(nanoseconds part, nanoseconds whole, std::uint32_t threads) {
  return whole.count() > 0 ? std::min(1.0, seconds(part) / (seconds(whole) * threads)) : 0;
}

// Where the time went.
struct Figures {
  double writing;  // share of the consumers' time
  double blocked;  // share of the producers' time
  double cores;    // in use
};

Figures figures_of(const RunReport& report) {
  const double cpu_s = report.client.cpu_user_s + report.client.cpu_system_s;
  return {.writing = share(report.writing, report.total_time - report.measured_from(),
                           report.config.consumers),
          .blocked = share(report.queue.blocked, report.produce_time, report.config.producers),
          .cores = std::min<double>(report.environment.cpu_count,
                                    cpu_s / std::max(1e-9, seconds(report.total_time)))};
}

std::string channel_figure(const RunReport& report, const Figures& figures) {
  if (report.counts.ends[Fate::kDropped] > 0) return "messages were dropped";
  if (figures.blocked > 0.05) {
    return fmt::format("the channel was full for producers {:.0f} % of the time",
                       100 * figures.blocked);
  }
  if (report.queue.depth_mean > 0.5 * static_cast<double>(report.queue.capacity)) {
    return fmt::format("{} messages stood in the channel on average",
                       format_amount(report.queue.depth_mean, 0));
  }
  return "";
}

// The database failed or stalled, which shows without looking at shares of time.
std::optional<std::string> outage(const RunReport& report) {
  const Counts& counts = report.counts;
  if (report.breaker.open > report.total_time / 10) {
    return fmt::format("the database, which failed: the circuit breaker kept all off for {}",
                       format_seconds(report.breaker.open));
  }
  const bool was_given_something = report.writing.count() > 0 || counts.ends[Fate::kInDoubt] > 0;
  if (was_given_something &&
      counts.ends[Fate::kUnsent] + counts.ends[Fate::kInDoubt] + counts.ends[Fate::kSpooled] > 0 &&
      report.silence_at_end >= std::max<nanoseconds>(kStalled, report.total_time / 10)) {
    return fmt::format("the database, which confirmed nothing in the last {}",
                       format_latency(static_cast<double>(report.silence_at_end.count())));
  }
  if (counts.ends[Fate::kStored] == 0 && counts.ends[Fate::kDeadLettered] > 0) {
    return "the database, which took nothing of what it was given";
  }
  return std::nullopt;
}

std::string connections(const RunReport& report) {
  const std::uint32_t count = report.config.consumers;
  return count == 1 ? "one connection" : fmt::format("{} connections", count);
}

// Consumers spent their time in writes. That is the database's limit only where more connections or
// larger batches would not help, which one run does not show.
std::optional<std::string> writes(const RunReport& report, const Figures& figures) {
  const std::string channel = channel_figure(report, figures);
  if (figures.writing <= (channel.empty() ? 0.5 : 0.2)) return std::nullopt;
  const bool by_row = report.database.insert == InsertMethod::kSingle;
  const bool round_trips = report.config.consumers == 1 || by_row;
  return fmt::format(
      "the database{}: {}{} spent {:.0f} % of the time in writes",
      round_trips
          ? fmt::format(", or the way there, as {} {} it{}", connections(report),
                        report.config.consumers == 1 ? "uses" : "use", by_row ? " row by row" : "")
          : "",
      channel.empty() ? "" : channel + ", ",
      report.config.consumers == 1 ? "the consumer" : "consumers", 100 * figures.writing);
}

bool program_is_busy(const RunReport& report, const Figures& figures) {
  const unsigned cpus = report.environment.cpu_count;
  if (figures.cores >= 0.85 * cpus) return true;
  if (!report.config.spool.empty()) return false;  // producers also wait for its disk
  // Producers without a rate never sleep, so all time not spent waiting for room is work. The null
  // target causes no waiting either.
  if (!report.profile) return figures.blocked <= 0.05 || report.database.kind == "null";
  constexpr double kLateNs = 10e6;
  return report.latency.schedule_lag.percentile(50) > kLateNs && figures.blocked <= 0.05 &&
         figures.cores >= 0.8 * std::min<double>(report.config.producers, cpus);
}

std::string usage(const RunReport& report, const Figures& figures) {
  return fmt::format("it used {:.1f} of {} cores", figures.cores, report.environment.cpu_count);
}

// Producers without CPU to wait for woke so late that messages were made late.
std::optional<std::string> late_timer(const RunReport& report, const Figures& figures) {
  const Histogram& oversleep = report.self_check.oversleep;
  const double lag = report.latency.schedule_lag.percentile(50);
  constexpr double kLateNs = 10e6;
  if (oversleep.percentile(50) < kLateNs || lag < kLateNs) return std::nullopt;
  if (figures.cores >= 0.5 * report.environment.cpu_count) return std::nullopt;
  return fmt::format(
      "the limiter, whose timers came late: half of its sleeps ended more than {} late, although "
      "{}",
      format_latency(oversleep.percentile(50)), usage(report, figures));
}

// The channel was full, although consumers had time to empty it.
std::optional<std::string> small_queue(const RunReport& report, const Figures& figures) {
  if (figures.blocked <= 0.05 || figures.writing > 0.5) return std::nullopt;
  return fmt::format(
      "the channel of {}: it was full for producers {:.0f} % of the time, while consumers spent "
      "{:.0f} % of theirs in writes",
      format_number(report.queue.capacity, "message"), 100 * figures.blocked,
      100 * figures.writing);
}

// The bottleneck as a clause, or, if nothing is known, why.
struct Finding {
  BottleneckKind kind;
  std::string clause;
  bool is_known = true;
};

Finding untold(std::string why) { return {BottleneckKind::kNone, std::move(why), false}; }

std::string client_clause(const RunReport& report, const Figures& figures) {
  return fmt::format(
      "this program and its machine: {}, and half of the messages were made later than {} after "
      "they were due",
      usage(report, figures), format_latency(report.latency.schedule_lag.percentile(50)));
}

Finding investigate(const RunReport& report) {
  const bool real_database = report.database.kind != "null";
  if (real_database) {
    if (const auto culprit = outage(report)) return {BottleneckKind::kDatabase, *culprit};
  }
  if (report.counts.ends[Fate::kStored] + report.counts.ends[Fate::kInDoubt] == 0 &&
      report.writing.count() == 0) {
    return {BottleneckKind::kNone, "not the database, which was given nothing"};
  }
  if (report.total_time < kTooShort) return untold(" from so short a run");
  const Figures figures = figures_of(report);
  if (const auto culprit = late_timer(report, figures)) return {BottleneckKind::kLimiter, *culprit};
  if (real_database) {
    if (const auto culprit = writes(report, figures)) return {BottleneckKind::kDatabase, *culprit};
  }
  if (program_is_busy(report, figures)) {
    return {BottleneckKind::kClient, client_clause(report, figures)};
  }
  if (const auto culprit = small_queue(report, figures)) return {BottleneckKind::kQueue, *culprit};
  const std::string channel = channel_figure(report, figures);
  return untold(fmt::format(
      ": consumers spent {:.0f} % of their time in writes, {}, and as to this program, {}",
      100 * figures.writing, channel.empty() ? "the channel was hardly ever full" : channel,
      usage(report, figures)));
}

}  // namespace

std::string blame(const RunReport& report, std::string_view what) {
  const Finding finding = investigate(report);
  return finding.is_known ? fmt::format("the {} was {}", what, finding.clause)
                          : fmt::format("what the {} was cannot be told{}", what, finding.clause);
}

Bottleneck find_bottleneck(const RunReport& report) {
  if (!report.started) return {.evidence = "the run could not start"};
  const Sustained was = sustained(report);
  if (was.rate_was == true) return {.evidence = "the rate was sustained"};
  Finding finding = investigate(report);
  return {finding.kind,
          finding.is_known ? std::move(finding.clause) : "it cannot be told" + finding.clause};
}

}  // namespace loadgen
