#include "report/result_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "report/hgrm_report.h"
#include "report/html_report.h"
#include "report/junit_report.h"
#include "report/markdown_report.h"
#include "report/result_document.h"
#include "report/result_file.h"
#include "report/series_json.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;

struct Format {
  const char* flag;
  std::string Options::*destination;
  std::string (*render)(const Json& document);
};

constexpr std::array kFormats{Format{"--json", &Options::json, json_report},
                              Format{"--html", &Options::html, html_report},
                              Format{"--markdown", &Options::markdown, markdown_report},
                              Format{"--junit", &Options::junit, junit_report}};

// Of more than the document tells.
struct RunFormat {
  const char* flag;
  std::string Options::*destination;
  std::string (*render)(const RunReport& report, const std::string& path);
};

std::string hgrm(const RunReport& report, const std::string& /*path*/) {
  return hgrm_report(report.latency.response);
}

std::string timeseries(const RunReport& report, const std::string& path) {
  return path.ends_with(".csv") ? series_csv(report.series) : series_jsonl(report.series);
}

constexpr std::array kRunFormats{RunFormat{"--hgrm", &Options::hgrm, hgrm},
                                 RunFormat{"--timeseries", &Options::timeseries, timeseries}};

std::vector<Output> outputs_of(const Json& document, const Options& options) {
  std::vector<Output> outputs;
  for (const Format& format : kFormats) {
    const std::string& destination = options.*format.destination;
    if (destination.empty()) continue;
    outputs.push_back({format.flag, destination, format.render(document)});
  }
  return outputs;
}

}  // namespace

void check_outputs(const Options& options, std::vector<std::string> taken) {
  std::string_view on_stdout;
  for (const Format& format : kFormats) {
    const std::string& destination = options.*format.destination;
    if (destination.empty()) continue;
    check_destination(format.flag, destination, taken);
    if (!is_stdout(destination)) {
      taken.push_back(destination);
    } else if (on_stdout.empty()) {
      on_stdout = format.flag;
    } else {
      throw UsageError(fmt::format("{}={}: {} goes to standard output already; name a file",
                                   format.flag, destination, on_stdout));
    }
  }
}

std::vector<Output> outputs_of(const RunReport& report, const Options& options) {
  std::vector<Output> outputs = outputs_of(result_document(report), options);
  for (const RunFormat& format : kRunFormats) {
    const std::string& destination = options.*format.destination;
    if (destination.empty()) continue;
    outputs.push_back({format.flag, destination, format.render(report, destination)});
  }
  return outputs;
}

void publish_again(const std::string& file, const Options& options) {
  const Json document = read_result("report: ", file);
  const std::vector<Output> outputs = outputs_of(document, options);
  publish(outputs.empty() ? markdown_report(document) : "", outputs);
}

}  // namespace loadgen
