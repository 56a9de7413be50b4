#include "report/series_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/seconds.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double per) { return std::round(value * per) / per; }

// null when nothing was stored, and nothing timed.
Json timed(std::uint64_t stored, double nanoseconds) {
  return stored > 0 ? Json(microseconds(nanoseconds)) : Json(nullptr);
}

Json sample_json(const SeriesSample& sample) {
  const std::uint64_t stored = sample.ends[Fate::kStored];
  const auto mean = [&](double sum) { return timed(stored, sum / static_cast<double>(stored)); };
  const double length = sample.seconds();
  return {{"t_s", rounded(seconds(sample.end), 1e6)},
          {"scheduled", sample.scheduled},
          {"produced", sample.produced},
          {"stored", stored},
          {"skipped", sample.skipped},
          {"dropped", sample.ends[Fate::kDropped]},
          {"failed", sample.failed()},
          {"queue_depth", sample.queue_depth},
          {"in_flight", sample.in_flight},
          {"rate_wanted", sample.rate_wanted ? Json(*sample.rate_wanted) : Json(nullptr)},
          {"response_us",
           {{"p50", timed(stored, sample.response.p50)},
            {"p99", timed(stored, sample.response.p99)},
            {"max", timed(stored, sample.response.max)}}},
          {"parts_mean_us",
           {{"schedule_lag", mean(sample.parts.schedule_lag)},
            {"queue_wait", mean(sample.parts.queue_wait)},
            {"batch_wait", mean(sample.parts.batch_wait)},
            {"write", mean(sample.parts.write)}}},
          {"cpu_cores", length > 0 ? Json(rounded(sample.cpu_s / length, 1e4)) : Json(nullptr)},
          {"producers", sample.producers},
          {"consumers", sample.consumers}};
}

// Calls visit(name, value) for each number of a sample.
template <typename Visit>
void for_each_flat(const Json& object, const std::string& prefix, Visit visit) {
  for (const auto& item : object.items()) {
    const std::string name = prefix + item.key();
    if (item.value().is_object()) {
      for_each_flat(item.value(), name + "_", visit);
    } else {
      visit(name, item.value());
    }
  }
}

}  // namespace

Json series_json(const Series& series) {
  Json samples = Json::array();
  for (const SeriesSample& sample : series.samples()) samples.push_back(sample_json(sample));
  return {{"interval_s", seconds(series.interval())}, {"samples", std::move(samples)}};
}

std::string series_csv(const Series& series) {
  std::string csv;
  for_each_flat(sample_json({}), "", [&](const std::string& name, const Json& /*value*/) {
    csv += (csv.empty() ? "" : ",") + name;
  });
  csv += '\n';
  for (const SeriesSample& sample : series.samples()) {
    std::string line;
    for_each_flat(sample_json(sample), "", [&](const std::string& name, const Json& value) {
      if (name != "t_s") line += ',';
      if (!value.is_null()) line += value.dump();
    });
    csv += line + '\n';
  }
  return csv;
}

std::string series_jsonl(const Series& series) {
  std::string lines;
  for (const SeriesSample& sample : series.samples()) lines += sample_json(sample).dump() + "\n";
  return lines;
}

}  // namespace loadgen
