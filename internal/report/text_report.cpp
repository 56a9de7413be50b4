#include "report/text_report.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/redact.h"
#include "base/units.h"
#include "report/judge.h"

namespace loadgen {
namespace {

using Out = std::back_insert_iterator<std::string>;

void add_rate(const RunReport& report, Out out) {
  const std::string wanted =
      report.config.rps ? format_rate(*report.config.rps) + "/s" : std::string("max");
  const auto was_sustained = sustained(report);
  fmt::format_to(out, "Rate      wanted {}, produced {:.1f}/s, stored {:.1f}/s{}\n", wanted,
                 produced_per_second(report), stored_per_second(report),
                 was_sustained ? (*was_sustained ? ", sustained" : ", NOT sustained") : "");
}

void add_latency(const LatencyHistograms& latency, Out out) {
  constexpr std::array kPercentiles{50.0, 90.0, 95.0, 99.0, 99.9, 99.99};
  struct Row {
    std::string_view name;
    const Histogram& histogram;
  };
  const std::array rows{Row{"response", latency.response},
                        Row{"= schedule lag", latency.schedule_lag},
                        Row{"+ queue wait", latency.queue_wait},
                        Row{"+ batch wait", latency.batch_wait}, Row{"+ write", latency.write}};
  fmt::format_to(out, "\n{:16}{:>9}", "Latency", "mean");
  for (const double percent : kPercentiles)
    fmt::format_to(out, "{:>9}", fmt::format("p{}", percent));
  fmt::format_to(out, "{:>9}\n", "max");
  for (const Row& row : rows) {
    fmt::format_to(out, "  {:14}{:>9}", row.name, format_latency(row.histogram.mean()));
    for (const double percent : kPercentiles) {
      fmt::format_to(out, "{:>9}", format_latency(row.histogram.percentile(percent)));
    }
    fmt::format_to(out, "{:>9}\n", format_latency(row.histogram.max()));
  }
  fmt::format_to(out, "  Counted from when a message was due; its parts add up to it.\n\n");
}

void add_counts(const Counts& counts, Out out) {
  fmt::format_to(out, "Messages  scheduled {} = produced {} + skipped {}\n",
                 format_count(counts.scheduled), format_count(counts.produced),
                 format_count(counts.skipped));
  fmt::format_to(out,
                 "          produced {} = stored {} + dead-lettered {} + dropped {} + spooled {} + "
                 "unsent {} + in doubt {}{}\n",
                 format_count(counts.produced), format_count(counts.stored),
                 format_count(counts.dead_lettered), format_count(counts.dropped),
                 format_count(counts.spooled), format_count(counts.unsent),
                 format_count(counts.in_doubt), counts.balance() ? "" : "  DOES NOT BALANCE");
}

// Only when there is something to tell.
void add_delivery(const RunReport& report, Out out) {
  const Counts& counts = report.counts;
  if (counts.retried_frames > 0) {
    fmt::format_to(out, "Delivery  {} frames retried, {} messages kept from being stored twice\n",
                   format_count(counts.retried_frames), format_count(counts.duplicates_suppressed));
  }
  if (counts.dead_lettered > 0) {
    fmt::format_to(out, "Dead      {} messages in {}\n", format_count(counts.dead_lettered),
                   one_line(report.config.dead_letter));
  }
  if (counts.spooled > 0) {
    fmt::format_to(out, "Spooled   {} messages in {}; the next run with it sends them first\n",
                   format_count(counts.spooled), one_line(report.config.spool));
  }
  if (counts.unsent > 0 && !report.config.unsent.empty()) {
    fmt::format_to(
        out, "Unsent    {} messages {} {}{}\n", format_count(counts.unsent),
        report.unsent_problem.empty() ? "in" : "NOT all in", one_line(report.config.unsent),
        report.unsent_problem.empty() ? "; app replay sends them" : ": " + report.unsent_problem);
  }
  const BreakerReport& breaker = report.breaker;
  if (breaker.transitions_total > 0) {
    fmt::format_to(out, "Breaker   {} transitions; open {}, half-open {}, now {}\n",
                   format_count(breaker.transitions_total), format_seconds(breaker.open),
                   format_seconds(breaker.half_open), breaker.state);
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
  fmt::format_to(out, "Audit     {}: {} rows read back, {} lost, {} duplicated, {} unexpected{}\n",
                 judgement, format_count(audit.checked), format_count(audit.lost),
                 format_count(audit.duplicated), format_count(audit.unexpected),
                 audit.mode == VerifyMode::kFull
                     ? fmt::format(", {} corrupted", format_count(audit.corrupted))
                     : "");
}

void add_resumed(const std::vector<ResumedRun>& runs, Out out) {
  for (const ResumedRun& run : runs) {
    fmt::format_to(
        out,
        "Resumed   run {}: {} messages stored, {} were there already, {} dead-lettered, "
        "{} damaged; audit {}\n",
        run.run_id, format_count(run.stored), format_count(run.already_present),
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
                 report.counts.stored);
  fmt::format_to(out, "Time taken to consume all messages: {}\n\n",
                 format_seconds(report.total_time));

  fmt::format_to(out, "Run       {}, seed {}, {} {}, table {}\n", report.run_id,
                 report.config.seed.value_or(0), report.database.kind, report.database.version,
                 one_line(report.config.table));
  add_rate(report, out);
  add_latency(report.latency, out);
  add_counts(report.counts, out);
  fmt::format_to(out,
                 "Channel   capacity {}, depth max {}, mean {:.1f}; producers blocked {} in all\n",
                 format_count(report.queue.capacity), format_count(report.queue.depth_max),
                 report.queue.depth_mean, format_seconds(report.queue.blocked));
  const Batches& batches = report.batches;
  fmt::format_to(
      out,
      "Batches   {} of {:.1f} rows on average; closed {} full, {} by linger, {} by "
      "drain\n",
      format_count(batches.count()),
      batches.count() > 0
          ? static_cast<double>(report.counts.stored) / static_cast<double>(batches.count())
          : 0.0,
      format_count(batches.full), format_count(batches.linger), format_count(batches.drain));
  fmt::format_to(out, "Client    CPU {:.2f}s user + {:.2f}s system, {:.1f} MB at most\n",
                 report.client.cpu_user_s, report.client.cpu_system_s,
                 static_cast<double>(report.client.max_rss_bytes) / 1e6);
  add_resumed(report.resumed, out);
  add_delivery(report, out);
  add_audit(report.audit, report.config.verify, out);
  for (const ReportedError& error : report.errors) {
    fmt::format_to(out, "Error     {} x {} ({}): {}\n", error.count, error.code, error.error_class,
                   error.message);
  }
  fmt::format_to(out, "Verdict   {}\n", report.verdict);
  return text;
}

}  // namespace loadgen
