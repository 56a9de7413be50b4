// The finished result of a run. Every output format is a function of this value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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

namespace loadgen {

struct ClientUsage {
  double cpu_user_s = 0;
  double cpu_system_s = 0;
  std::uint64_t max_rss_bytes = 0;
};

struct Environment {
  std::string hostname;
  std::string os;
  std::string cpu_model;
  unsigned cpu_count = 0;
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
  LatencyHistograms latency;      // of stored messages
  // At the end: how long ago the oldest message was due that is not known to be stored.
  std::optional<nanoseconds> oldest_not_stored;
  ChannelStats queue;
  Frames frames;
  nanoseconds writing{0};  // summed over consumers
  ClientUsage client;
  AuditResult audit;
  std::vector<ReportedError> errors;     // of all attempts, in the order they first came
  std::optional<ReportedError> failure;  // what ended the run before its time
  BreakerReport breaker;
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
};

}  // namespace loadgen
