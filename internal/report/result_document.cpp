#include "report/result_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/seconds.h"
#include "base/units.h"
#include "loadgen_version.h"
#include "options/option_rows.h"
#include "options/parse_threshold.h"
#include "report/bottleneck.h"
#include "report/judge.h"
#include "report/series_json.h"
#include "report/sustained.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;

template <typename T, typename Convert>
Json or_null(const std::optional<T>& value, Convert convert) {
  return value ? Json(convert(*value)) : Json(nullptr);
}
template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json config_json(const Options& config) {
  Json json = Json::object();
  for (const auto& [key, value] : config_values(config)) {
    json[std::string(key)] = std::visit([](const auto& known) { return Json(known); }, value);
  }
  return json;
}

Json environment_json(const RunReport& report) {
  Json durability = Json::object();
  for (const auto& [setting, value] : report.database.durability) durability[setting] = value;
  return {{"hostname", report.environment.hostname},
          {"os", report.environment.os},
          {"cpu_model", report.environment.cpu_model},
          {"cpu_count", report.environment.cpu_count},
          {"database",
           {{"kind", report.database.kind},
            {"version", report.database.version},
            {"durability", std::move(durability)}}}};
}

Json counts_json(const Counts& counts) {
  return {{"scheduled", counts.scheduled},
          {"skipped", counts.skipped},
          {"produced", counts.produced},
          {"stored", counts.ends[Fate::kStored]},
          {"dead_lettered", counts.ends[Fate::kDeadLettered]},
          {"dropped", counts.ends[Fate::kDropped]},
          {"spooled", counts.ends[Fate::kSpooled]},
          {"unsent", counts.ends[Fate::kUnsent]},
          {"in_doubt", counts.ends[Fate::kInDoubt]},
          {"retried_frames", counts.retried_frames},
          {"duplicates_suppressed", counts.duplicates_suppressed}};
}

// "p99_95".
std::string percentile_key(double percent) {
  std::string key = fmt::format("p{}", percent);
  std::replace(key.begin(), key.end(), '.', '_');
  return key;
}

// With these percentiles besides the ones that are always there.
Json histogram_json(const Histogram& histogram, const std::vector<double>& more) {
  const auto percentile = [&](double percent) {
    return microseconds(histogram.percentile(percent));
  };
  Json json{{"count", histogram.count()},
            {"min", microseconds(histogram.min())},
            {"mean", microseconds(histogram.mean())},
            {"stddev", microseconds(histogram.stddev())}};
  for (const double percent : {50.0, 90.0, 95.0, 99.0, 99.9, 99.99}) {
    json[percentile_key(percent)] = percentile(percent);
  }
  json["max"] = microseconds(histogram.max());
  for (const double percent : more) json[percentile_key(percent)] = percentile(percent);
  return json;
}

// Also the curve of percentiles: [percentile, microseconds], at HdrHistogram's steps, of which
// there are five to each half of what is left of 100 %, until that is less than one value.
Json with_curve(Json json, const Histogram& histogram) {
  constexpr int kSteps = 5;
  Json points = Json::array();
  const auto add = [&](double percent) {
    points.push_back(Json::array({percent, microseconds(histogram.percentile(percent))}));
  };
  const auto count = static_cast<double>(histogram.count());
  double left = 100;
  while (left * count >= 100) {
    for (int step = 0; step < kSteps; ++step) add(100 - left + left / 2 * step / kSteps);
    left /= 2;
  }
  if (count > 0) add(100);
  json["percentiles"] = std::move(points);
  return json;
}

Json latency_json(const RunReport& report) {
  const LatencyHistograms& latency = report.latency;
  Json json = Json::object();
  const auto add = [&](const char* part, const Histogram& histogram) {
    json[part] = histogram_json(histogram, report.config.percentiles);
  };
  add("response", latency.response);
  add("schedule_lag", latency.schedule_lag);
  add("queue_wait", latency.queue_wait);
  add("batch_wait", latency.batch_wait);
  add("write", latency.write);
  add("held_back", latency.held_back);
  add("uncorrected", latency.uncorrected);
  json["response"] = with_curve(std::move(json["response"]), latency.response);
  json["uncorrected"] = with_curve(std::move(json["uncorrected"]), latency.uncorrected);
  return json;
}

// The observed value and its unit.
std::pair<double, const char*> in_json_unit(const ThresholdResult& result) {
  const double value = result.observed.value_or(0);
  switch (unit_of(result.threshold)) {
    case ThresholdUnit::kNanoseconds:
      return {microseconds(value), "us"};
    case ThresholdUnit::kMessages:
      return {value, "messages"};
    case ThresholdUnit::kPerSecond:
      return {value, "per_s"};
    case ThresholdUnit::kPercent:
      return {value, "percent"};
    case ThresholdUnit::kCores:
      return {value, "cores"};
    case ThresholdUnit::kBytes:
      return {value, "bytes"};
  }
  return {value, ""};
}

Json thresholds_json(const std::vector<ThresholdResult>& results) {
  Json list = Json::array();
  for (const ThresholdResult& result : results) {
    const auto [value, unit] = in_json_unit(result);
    list.push_back({{"expression", result.threshold.expression},
                    {"observed", result.observed ? Json(value) : Json(nullptr)},
                    {"unit", unit},
                    {"passed", result.passed},
                    {"aborted", result.aborted}});
  }
  return list;
}

Json breaker_json(const BreakerReport& breaker) {
  return {{"state", breaker.state},
          {"transitions", breaker.transitions_total},
          {"closed_s", seconds(breaker.closed)},
          {"open_s", seconds(breaker.open)},
          {"half_open_s", seconds(breaker.half_open)}};
}

Json client_json(const RunReport& report) {
  Json threads = Json::array();
  for (const ThreadUse& thread : report.self_check.threads) {
    threads.push_back(
        {{"role", thread.role == ThreadUse::Role::kProducer ? "producer" : "consumer"},
         {"index", thread.index},
         {"cpu_s", seconds(thread.cpu)},
         {"busy_share", thread.busy_share()}});
  }
  const Histogram& oversleep = report.self_check.oversleep;
  return {{"cpu_user_s", report.client.cpu_user_s},
          {"cpu_system_s", report.client.cpu_system_s},
          {"max_rss_bytes", report.client.max_rss_bytes},
          {"threads", std::move(threads)},
          {"oversleep_us",
           {{"p50", microseconds(oversleep.percentile(50))},
            {"p99", microseconds(oversleep.percentile(99))}}}};
}

Json bottleneck_json(const RunReport& report) {
  const Bottleneck bottleneck = find_bottleneck(report);
  return {{"kind", to_name(bottleneck.kind)}, {"evidence", bottleneck.evidence}};
}

Json warmup_json(const Warmup& warmup, const std::vector<double>& percentiles) {
  return {{"duration_s", seconds(warmup.duration)},
          {"counts", counts_json(warmup.counts)},
          {"latency_us", {{"response", histogram_json(warmup.response, percentiles)}}}};
}

Json events_json(const std::vector<RunEvent>& events) {
  Json list = Json::array();
  for (const RunEvent& event : events) {
    list.push_back({{"t_s", seconds(event.at)}, {"kind", event.kind}, {"text", event.text}});
  }
  return list;
}

Json resumed_json(const std::vector<ResumedRun>& runs) {
  Json list = Json::array();
  for (const ResumedRun& run : runs) {
    list.push_back({{"run_id", std::to_string(run.run_id)},
                    {"frames", run.frames},
                    {"stored", run.stored},
                    {"already_present", run.already_present},
                    {"dead_lettered", run.dead_lettered},
                    {"damaged", run.damaged},
                    {"audit", audit_json(run.audit)}});
  }
  return list;
}

Json error_json(const ReportedError& error) {
  return {{"code", error.code},
          {"class", error.error_class},
          {"count", error.count},
          {"message", error.message}};
}

Json errors_json(const std::vector<ReportedError>& errors) {
  Json list = Json::array();
  for (const ReportedError& error : errors) list.push_back(error_json(error));
  return list;
}

}  // namespace

Json audit_json(const AuditResult& audit) {
  return {{"mode", to_name(audit.mode)},
          {"checked", audit.checked},
          {"lost", audit.lost},
          {"duplicated", audit.duplicated},
          {"unexpected", audit.unexpected},
          {"corrupted", audit.corrupted},
          {"recovered", audit.recovered},
          {"passed", or_null(audit.passed)}};
}

Json result_document(const RunReport& report) {
  const Sustained was_sustained = sustained(report);
  const auto batches = static_cast<double>(report.frames.count());
  const Json document = {
      {"schema_version", kJsonSchemaVersion},
      {"run_id", std::to_string(report.run_id)},
      {"started_at", format_utc(report.started_at)},
      {"ended_at", format_utc(report.ended_at)},
      {"app_version", kVersion},
      {"exit_code", report.exit_code},
      {"interrupted", report.interrupted_by != 0},
      {"config", config_json(report.config)},
      {"environment", environment_json(report)},
      {"counts", counts_json(report.counts)},
      {"rate",
       {{"target_per_s", or_null(wanted_per_second(report))},
        {"produced_per_s", report.started ? Json(produced_per_second(report)) : Json(nullptr)},
        {"stored_per_s", report.started ? Json(stored_per_second(report)) : Json(nullptr)},
        {"sustained", or_null(was_sustained.rate_was)},
        {"sustained_reason", was_sustained.unknown_because.empty()
                                 ? Json(nullptr)
                                 : Json(was_sustained.unknown_because)}}},
      {"time_s",
       {{"produce", seconds(report.produce_time)},
        {"drain", seconds(report.drain_time)},
        {"total", seconds(report.total_time)},
        {"oldest_not_stored", or_null(report.oldest_not_stored, seconds)}}},
      {"latency_us", latency_json(report)},
      {"warmup",
       report.warmup ? warmup_json(*report.warmup, report.config.percentiles) : Json(nullptr)},
      {"queue",
       {{"capacity", report.queue.capacity},
        {"depth_max", report.queue.depth_max},
        {"depth_mean", report.queue.depth_mean},
        {"blocked_s", seconds(report.queue.blocked)}}},
      {"batches",
       {{"count", report.frames.count()},
        {"rows_mean",
         batches > 0 ? static_cast<double>(report.measured().ends[Fate::kStored]) / batches : 0.0},
        {"full", report.frames.full},
        {"linger", report.frames.linger},
        {"drain", report.frames.drain}}},
      {"client", client_json(report)},
      {"bottleneck", bottleneck_json(report)},
      {"breaker", breaker_json(report.breaker)},
      {"audit", audit_json(report.audit)},
      {"resumed", resumed_json(report.resumed)},
      {"thresholds", thresholds_json(report.thresholds)},
      {"errors", errors_json(report.errors)},
      {"failure", report.failure ? error_json(*report.failure) : Json(nullptr)},
      {"verdict", report.verdict},
      {"events", events_json(report.events)},
      {"series", series_json(report.series)}};
  return Json::parse(json_text(document));  // with U+FFFD for what is not UTF-8
}

std::string json_text(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string json_report(const Json& document) { return json_text(document) + "\n"; }

std::string json_report(const RunReport& report) { return json_report(result_document(report)); }

std::string json_config(const Options& config) { return json_text(config_json(config)); }

}  // namespace loadgen
