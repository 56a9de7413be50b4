// The finished result of a run. Every output format is a function of this value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/audit.h"
#include "base/clock.h"
#include "channel/channel.h"
#include "delivery/breaker_machine.h"
#include "model/counts.h"
#include "options/options.h"
#include "plan/profile.h"
#include "sink/sink.h"
#include "stats/sample.h"
#include "stats/series.h"
#include "stats/thread_use.h"

namespace loadgen {

struct ClientUsage {
  double cpu_user_s = 0;
  double cpu_system_s = 0;
  std::uint64_t max_rss_bytes = 0;
};

// What kept a run from being faster, or on its schedule. kNone: nothing did, or it cannot be told.
enum class BottleneckKind { kNone, kDatabase, kClient, kQueue, kLimiter };
[[nodiscard]] constexpr std::string_view to_name(BottleneckKind kind) {
  constexpr std::array<std::string_view, 5> kNames{"none", "database", "client", "queue",
                                                   "limiter"};
  return kNames.at(static_cast<std::size_t>(kind));
}
struct Bottleneck {
  BottleneckKind kind = BottleneckKind::kNone;
  std::string evidence;  // a clause with the figures
};

struct Environment {
  std::string hostname;
  std::string os;
  std::string cpu_model;
  unsigned cpu_count = 0;
};

// Something that changed during the run.
struct RunEvent {
  nanoseconds at{0};  // from the start of production
  std::string kind;   // "warmup", "breaker", "signal", "failure", "drain", ...
  std::string text;
};

struct ReportedError {
  std::string code;         // as the database names it
  std::string error_class;  // as ErrorClass names it, or "in_doubt"
  std::uint64_t count = 0;
  std::string message;
};

// An earlier run that ended before all its spooled messages were delivered, and the fate of the
// rest.
struct ResumedRun {
  std::int64_t run_id = 0;
  std::uint64_t frames = 0;  // delivered now
  std::uint64_t stored = 0;
  std::uint64_t already_present = 0;  // stored by that run, which ended before noting it
  std::uint64_t dead_lettered = 0;
  std::uint64_t damaged = 0;  // in the spool: their checksum is wrong
  AuditResult audit{};        // of all it ever put into the spool
};

// What came before the measured time. Messages that are due in the warm-up and stored after it are
// measured.
struct Warmup {
  nanoseconds duration{0};
  Counts counts;       // when it ended
  Histogram response;  // of the messages stored in it
};

struct ThresholdResult {
  Threshold threshold;
  // In the unit of the threshold's value; nullopt = there was nothing to judge by.
  std::optional<double> observed{};
  bool passed = false;
  bool aborted = false;  // it ended the run; `observed` is of the time that broke it
};

struct RunReport {
  std::int64_t run_id = 0;
  WallTime started_at;
  WallTime ended_at;
  Options config;                  // with the seed and the insert method that were in force
  std::optional<Profile> profile;  // the rate that was wanted; nullopt = as fast as possible
  Environment environment;
  TargetInfo database;

  Counts counts;
  nanoseconds produce_time{0};    // until the last producer was done
  nanoseconds drain_time{0};      // from then until the last consumer was done
  nanoseconds total_time{0};      // until the last commit, or until the run gave up on the rest
  nanoseconds silence_at_end{0};  // since the last commit, when the run ended
  // Of messages that were stored in the measured time; but latency.stored is that of the whole run.
  LatencyHistograms latency;
  std::optional<Warmup> warmup;  // nullopt = none was asked for
  Series series;                 // of the whole run
  // At the end: how long ago the oldest message was due that is not known to be stored.
  std::optional<nanoseconds> oldest_not_stored;
  ChannelStats queue;
  // Of the measured time; `writing` is summed over consumers.
  Frames frames;
  nanoseconds writing{0};
  ClientUsage client;
  SelfCheck self_check;
  AuditResult audit;
  // As they were given.
  std::vector<ThresholdResult> thresholds;
  std::vector<ReportedError> errors;     // of all attempts, in the order they first came
  std::optional<ReportedError> failure;  // what ended the run before its time
  BreakerReport breaker;
  std::vector<RunEvent> events;     // in order of time
  std::vector<ResumedRun> resumed;  // earlier runs, before this run began
  std::string unsent_problem;  // why --unsent does not hold all unsent messages; empty = it does

  bool started = true;       // false: nothing was scheduled, as `failure` tells
  int interrupted_by = 0;    // signal that ended production early, 0 = none
  int audit_aborted_by = 0;  // signal that ended the audit, 0 = none
  bool drain_timed_out = false;
  // The numbers of produced and acknowledged sequences, and of messages on the spool's disk, agree
  // with the counts.
  bool sequences_agree = true;
  std::string verdict;
  int exit_code = 0;

  [[nodiscard]] bool accounts_agree() const { return counts.balance() && sequences_agree; }
  // Without the warm-up.
  [[nodiscard]] Counts measured() const { return warmup ? counts - warmup->counts : counts; }
  [[nodiscard]] nanoseconds measured_from() const {
    return warmup ? warmup->duration : nanoseconds(0);
  }
};

}  // namespace loadgen
