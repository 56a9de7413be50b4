#include "report/text_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <vector>

#include "base/redact.h"
#include "base/units.h"
#include "options/value_kinds.h"
#include "report/judge.h"
#include "report/sustained.h"
#include "report/thresholds.h"

namespace loadgen {
namespace {

using Out = std::back_insert_iterator<std::string>;

// Settings that may undo confirmed commits, beyond what --durability says.
std::string durability_risk(const TargetInfo& database) {
  std::string risks;
  for (const auto& [setting, value] : database.durability) {
    const bool bad = (setting == "fsync" && value == "off") ||
                     (setting == "full_page_writes" && value == "off") ||
                     (setting == "table" && value == "unlogged");
    if (bad) risks += fmt::format("{}{} is {}", risks.empty() ? "" : ", ", setting, value);
  }
  return risks.empty() ? "" : risks + ": a crash of the server may lose what counts as stored";
}

// The options needed to repeat the run.
void add_settings(const RunReport& report, Out out) {
  const Options& config = report.config;
  fmt::format_to(out, "Run       {}, seed {}, {} {}, table {}\n", report.run_id,
                 config.seed.value_or(0), report.database.kind, report.database.version,
                 one_line(config.table));
  std::string limits;
  if (config.count) limits += fmt::format(", --count={}", *config.count);
  if (config.burst) limits += fmt::format(", --burst={}", *config.burst);
  if (config.arrival == Arrival::kPoisson) limits += ", --arrival=poisson";
  if (config.warmup.count() > 0) {
    limits += fmt::format(", --warmup={}", format_duration(config.warmup));
  }
  if (config.max_lag) limits += fmt::format(", --max-lag={}", format_duration(*config.max_lag));
  fmt::format_to(out, "Load      {}, {} B a message, {}{}, channel of {}, --on-full={}\n",
                 format_number(config.producers, "producer"), config.message_size,
                 config.stages.empty() ? "--duration=" + format_duration(config.duration)
                                       : "--stages=" + show_value(Stages{}, config.stages),
                 limits, format_count(config.queue_capacity), to_name(config.on_full));
  fmt::format_to(out,
                 "Writing   {}, --insert={}, --batch-size={}, --linger={}, --delivery={}, "
                 "--verify={}\n",
                 format_number(config.consumers, "consumer"), to_name(config.insert),
                 config.batch_size, format_duration(config.linger), to_name(config.delivery),
                 to_name(config.verify));
  fmt::format_to(out, "Safety    --durability={}", to_name(config.durability));
  for (const auto& [setting, value] : report.database.durability) {
    fmt::format_to(out, ", {} {}", setting, value);
  }
  fmt::format_to(out, "\n");
  if (const std::string risk = durability_risk(report.database); !risk.empty()) {
    fmt::format_to(out, "WARNING   {}\n", risk);
  }
}

void add_rate(const RunReport& report, Out out) {
  const std::optional<double> rate = wanted_per_second(report);
  const std::string wanted = rate ? format_rate(*rate) + "/s" : std::string("max");
  const Sustained was = sustained(report);
  const std::string_view judgement =
      was.rate_was                  ? (*was.rate_was ? ", sustained" : ", NOT sustained")
      : was.unknown_because.empty() ? ""
                                    : ", whether it was sustained cannot be told";
  fmt::format_to(out, "Rate      wanted {}, produced {}/s, stored {}/s{}\n", wanted,
                 format_amount(produced_per_second(report), 1),
                 format_amount(stored_per_second(report), 1), judgement);
}

// Says which messages the latencies cover, and how long the oldest of the others has waited.
std::string latency_note(const RunReport& report) {
  const Counts& counts = report.counts;
  const std::string warmup = report.warmup ? fmt::format(" after the warm-up of {}",
                                                         format_seconds(report.measured_from()))
                                           : "";
  const std::uint64_t stored = report.measured().ends[Fate::kStored];
  if (counts.ends[Fate::kStored] == counts.scheduled) {
    return warmup.empty()
               ? ""
               : fmt::format("  Of the {} messages stored{}.\n", format_count(stored), warmup);
  }
  return fmt::format(
      "  Of the {} messages stored{}, out of {}{}.\n", format_count(stored), warmup,
      format_count(counts.scheduled),
      report.oldest_not_stored
          ? fmt::format("; the oldest of the others was due {} before the end",
                        format_latency(static_cast<double>(report.oldest_not_stored->count())))
          : "");
}

// What other tools would have shown, and why it differs.
std::string uncorrected_note(const LatencyHistograms& latency) {
  const Histogram& uncorrected = latency.uncorrected;
  if (uncorrected.count() == 0) return "";
  std::string note = fmt::format(
      "  Uncorrected, as a tool that waits for each answer counts it (only writes): p50 {}, p99 "
      "{}.\n",
      format_latency(uncorrected.percentile(50)), format_latency(uncorrected.percentile(99)));
  if (latency.response.percentile(99) > 2 * uncorrected.percentile(99)) {
    note += "  The response time is longer by the time that messages waited to be written.\n";
  }
  return note;
}

// Of a column.
std::size_t width_of(double percent) {
  return std::max<std::size_t>(9, fmt::formatted_size(" p{}", percent));
}

void add_latency(const RunReport& report, Out out) {
  const LatencyHistograms& latency = report.latency;
  const std::vector<double>& percentiles = report.config.percentiles;
  struct Row {
    std::string_view name;
    const Histogram& histogram;
  };
  const std::array rows{Row{"response", latency.response},
                        Row{"= schedule lag", latency.schedule_lag},
                        Row{"+ queue wait", latency.queue_wait},
                        Row{"+ batch wait", latency.batch_wait}, Row{"+ write", latency.write}};
  fmt::format_to(out, "\n{:16}{:>9}", "Latency", "mean");
  for (const double percent : percentiles) {
    fmt::format_to(out, "{:>{}}", fmt::format("p{}", percent), width_of(percent));
  }
  fmt::format_to(out, "{:>9}\n", "max");
  const auto add_row = [&](const Row& row) {
    fmt::format_to(out, "  {:14}{:>9}", row.name, format_latency(row.histogram.mean()));
    for (const double percent : percentiles) {
      fmt::format_to(out, "{:>{}}", format_latency(row.histogram.percentile(percent)),
                     width_of(percent));
    }
    fmt::format_to(out, "{:>9}\n", format_latency(row.histogram.max()));
  };
  for (const Row& row : rows) add_row(row);
  const bool was_held_back = latency.held_back.max() > 0;
  if (was_held_back) add_row({"  held back", latency.held_back});
  fmt::format_to(out, "  Counted from when a message was due; its parts add up to it.\n");
  if (was_held_back) {
    fmt::format_to(out, "  Held back: the part of write that was waiting between attempts.\n");
  }
  fmt::format_to(out, "{}{}\n", uncorrected_note(latency), latency_note(report));
}

void add_counts(const RunReport& report, Out out) {
  const Counts& counts = report.counts;
  const std::string found =
      counts.ends[Fate::kInDoubt] > 0 && report.audit.recovered > 0
          ? fmt::format(" ({} found stored)", format_count(report.audit.recovered))
          : "";
  fmt::format_to(out, "Messages  scheduled {} = produced {} + skipped {}\n",
                 format_count(counts.scheduled), format_count(counts.produced),
                 format_count(counts.skipped));
  fmt::format_to(
      out,
      "          produced {} = stored {} + dead-lettered {} + dropped {} + spooled {} + "
      "unsent {} + in doubt {}{}{}\n",
      format_count(counts.produced), format_count(counts.ends[Fate::kStored]),
      format_count(counts.ends[Fate::kDeadLettered]), format_count(counts.ends[Fate::kDropped]),
      format_count(counts.ends[Fate::kSpooled]), format_count(counts.ends[Fate::kUnsent]),
      format_count(counts.ends[Fate::kInDoubt]), found,
      counts.balance() ? "" : "  DOES NOT BALANCE");
}

// Only when there is something to tell.
void add_delivery(const RunReport& report, Out out) {
  const Counts& counts = report.counts;
  if (counts.retried_frames > 0) {
    fmt::format_to(out, "Delivery  {} retried, {} kept from being stored twice\n",
                   format_number(counts.retried_frames, "frame"),
                   format_number(counts.duplicates_suppressed, "message"));
  }
  if (counts.ends[Fate::kDeadLettered] > 0) {
    fmt::format_to(out, "Dead      {} in {}\n",
                   format_number(counts.ends[Fate::kDeadLettered], "message"),
                   one_line(report.config.dead_letter));
  }
  if (counts.ends[Fate::kSpooled] > 0) {
    fmt::format_to(out, "Spooled   {} in {}; the next run with it sends what is there first\n",
                   format_number(counts.ends[Fate::kSpooled], "message"),
                   one_line(report.config.spool));
  }
  if (counts.ends[Fate::kUnsent] > 0 && !report.config.unsent.empty()) {
    fmt::format_to(
        out, "Unsent    {} {} {}{}\n", format_number(counts.ends[Fate::kUnsent], "message"),
        report.unsent_problem.empty() ? "in" : "NOT all in", one_line(report.config.unsent),
        report.unsent_problem.empty() ? "; app replay sends what is there"
                                      : ": " + report.unsent_problem);
  }
  const BreakerReport& breaker = report.breaker;
  if (breaker.transitions_total > 0) {
    fmt::format_to(out, "Breaker   {}; open {}, half-open {}, now {}\n",
                   format_number(breaker.transitions_total, "transition"),
                   format_seconds(breaker.open), format_seconds(breaker.half_open), breaker.state);
  }
}

void add_audit(const AuditResult& audit, VerifyMode asked, Out out) {
  if (audit.mode == VerifyMode::kOff) {
    const bool nothing_kept = asked != VerifyMode::kOff;
    fmt::format_to(out, "Audit     none{}\n", nothing_kept ? ": this database keeps no rows" : "");
    return;
  }
  const std::string_view judgement = !audit.passed   ? "not finished"
                                     : *audit.passed ? "passed"
                                                     : "FAILED";
  fmt::format_to(
      out, "Audit     {}: {} rows read back, {} lost, {} duplicated, {} unexpected{}{}\n",
      judgement, format_count(audit.checked), format_count(audit.lost),
      format_count(audit.duplicated), format_count(audit.unexpected),
      audit.mode == VerifyMode::kFull ? fmt::format(", {} corrupted", format_count(audit.corrupted))
                                      : "",
      audit.recovered > 0
          ? fmt::format(", {} not known to be stored", format_count(audit.recovered))
          : "");
}

void add_thresholds(const std::vector<ThresholdResult>& results, Out out) {
  for (const ThresholdResult& result : results) {
    fmt::format_to(out, "Threshold {}: {}, {}{}\n", result.threshold.expression,
                   observed_text(result), result.passed ? "passed" : "FAILED",
                   result.aborted ? ", and ended the run" : "");
  }
}

void add_resumed(const std::vector<ResumedRun>& runs, Out out) {
  for (const ResumedRun& run : runs) {
    fmt::format_to(
        out,
        "Resumed   run {}: {} stored, {} there already, {} dead-lettered, "
        "{} damaged; audit {}\n",
        run.run_id, format_number(run.stored, "message"), format_count(run.already_present),
        format_count(run.dead_lettered), format_count(run.damaged),
        !run.audit.passed ? "none"
        : *run.audit.passed
            ? "passed"
            : fmt::format("FAILED: {} lost, {} duplicated, {} unexpected",
                          format_count(run.audit.lost), format_count(run.audit.duplicated),
                          format_count(run.audit.unexpected)));
  }
}

}  // namespace

std::string text_report(const RunReport& report) {
  std::string text;
  const Out out = std::back_inserter(text);
  fmt::format_to(out, "Produced: {} | Consumed: {}\n", report.counts.produced,
                 report.counts.ends[Fate::kStored]);
  fmt::format_to(out, "Time taken to consume all messages: {}\n\n",
                 format_seconds(report.total_time));

  add_settings(report, out);
  add_rate(report, out);
  add_latency(report, out);
  add_counts(report, out);
  fmt::format_to(out,
                 "Channel   capacity {}, depth max {}, mean {:.1f}; producers blocked {} in all\n",
                 format_count(report.queue.capacity), format_count(report.queue.depth_max),
                 report.queue.depth_mean, format_seconds(report.queue.blocked));
  const Frames& batches = report.frames;
  fmt::format_to(out,
                 "Batches   {} of {:.1f} rows on average; closed {} full, {} by linger, {} by "
                 "drain\n",
                 format_count(batches.count()),
                 batches.count() > 0 ? static_cast<double>(report.measured().ends[Fate::kStored]) /
                                           static_cast<double>(batches.count())
                                     : 0.0,
                 format_count(batches.full), format_count(batches.linger),
                 format_count(batches.drain));
  fmt::format_to(out, "Client    CPU {:.2f}s user + {:.2f}s system, {:.1f} MB at most\n",
                 report.client.cpu_user_s, report.client.cpu_system_s,
                 static_cast<double>(report.client.max_rss_bytes) / 1e6);
  add_resumed(report.resumed, out);
  add_delivery(report, out);
  add_audit(report.audit, report.config.verify, out);
  add_thresholds(report.thresholds, out);
  for (const ReportedError& error : report.errors) {
    fmt::format_to(out, "Error     {} failed with {} ({}): {}\n",
                   format_number(error.count, "attempt"), error.code, error.error_class,
                   error.message);
  }
  fmt::format_to(out, "Verdict   {}\n", report.verdict);
  return text;
}

}  // namespace loadgen
