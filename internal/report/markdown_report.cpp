#include "report/markdown_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/redact.h"
#include "base/units.h"
#include "report/document_texts.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;
using Out = std::back_insert_iterator<std::string>;

std::size_t longest_run(std::string_view text, char c) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char other : text) {
    run = other == c ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

// A code span: nothing in it is markup, a link or a mention. Its fence is longer than any in the
// text. A pipe would end a table's cell, even after a backslash, so another bar stands for it.
std::string code(std::string_view text) {
  std::string shown;
  for (const char c : shortened(text)) {
    if (c == '|') {
      shown += "\u00a6";
    } else {
      shown += c;
    }
  }
  const std::string fence(longest_run(shown, '`') + 1, '`');
  return fmt::format("{0} {1} {0}", fence, shown);
}

// A sentence that may hold a database's message: as it is if it surely is no markup, else as code.
std::string prose(const std::string& text) {
  constexpr std::string_view kHarmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,.;:()%-/";
  constexpr std::size_t kLetters = 52;  // with another beginning it could be a list
  const bool is_harmless = !text.empty() && kHarmless.find(text.front()) < kLetters &&
                           text.find_first_not_of(kHarmless) == std::string::npos &&
                           text.find("www.") == std::string::npos &&
                           text.find("://") == std::string::npos;
  return is_harmless ? text : code(text);
}

std::string_view headline(std::uint64_t exit_code) {
  switch (exit_code) {
    case 0:
      return "all well";
    case 1:
      return "failed";
    case 3:
      return "finished with losses";
    case 4:
      return "the audit or the accounting failed";
    case 99:
      return "a threshold failed";
    default:
      return exit_code >= 128 ? "ended early by a signal" : "failed";
  }
}

void add_thresholds(const Json& document, Out out) {
  const std::vector<ThresholdText> thresholds = thresholds_of(document);
  if (thresholds.empty()) return;
  fmt::format_to(out, "| threshold | observed | |\n|---|---:|---|\n");
  for (const ThresholdText& threshold : thresholds) {
    fmt::format_to(out, "| {} | {} | {}{} |\n", code(threshold.expression),
                   code(threshold.observed), threshold.passed ? "✅ passed" : "❌ failed",
                   threshold.aborted ? ", and ended the run" : "");
  }
  fmt::format_to(out, "\n");
}

std::string sustained_text(const Json& sustained) {
  if (sustained.is_null()) return "";
  return sustained.get<bool>() ? ", sustained" : ", **not sustained**";
}

void add_figures(const Json& document, Out out) {
  const Json& rate = document["rate"];
  const Json& response = document["latency_us"]["response"];
  const Json& database = document["environment"]["database"];
  const auto row = [&](std::string_view name, const std::string& value) {
    fmt::format_to(out, "| {} | {} |\n", name, value);
  };
  fmt::format_to(out, "| figure | |\n|---|---|\n");
  row("rate wanted", rate["target_per_s"].is_null() ? "as fast as possible"
                                                    : per_second_text(rate["target_per_s"]));
  row("rate stored", per_second_text(rate["stored_per_s"]) + sustained_text(rate["sustained"]));
  row("messages stored", fmt::format("{} of {}", count_text(document["counts"]["stored"]),
                                     count_text(document["counts"]["scheduled"])));
  row("time", seconds_text(document["time_s"]["total"]));
  if (response["count"] != 0) {
    row("response time", fmt::format("p50 {}, p99 {}, max {}", latency_text(response["p50"]),
                                     latency_text(response["p99"]), latency_text(response["max"])));
  }
  if (const Json* bottleneck = find(document, "bottleneck")) {
    row("bottleneck",
        fmt::format("{}: {}", prose((*bottleneck)["kind"]), prose((*bottleneck)["evidence"])));
  }
  const Json& client = document["client"];
  row("client",
      fmt::format("CPU {:.2f}s user + {:.2f}s system, {:.1f} MB at most",
                  client["cpu_user_s"].get<double>(), client["cpu_system_s"].get<double>(),
                  client["max_rss_bytes"].get<double>() / 1e6));
  row("database", code(fmt::format("{} {}", database["kind"].get<std::string>(),
                                   database["version"].get<std::string>())));
  row("run", fmt::format("{}, {}", code(document["run_id"].get<std::string>()),
                         code(document["started_at"].get<std::string>())));
  fmt::format_to(out, "\n");
}

void add_latency(const Json& document, Out out) {
  const Json& latency = document["latency_us"];
  if (latency["response"]["count"] == 0) return;
  struct Part {
    const char* key;
    std::string_view name;
  };
  constexpr std::array kParts{Part{"response", "**response**"},
                              Part{"schedule_lag", "= schedule lag"},
                              Part{"queue_wait", "+ queue wait"},
                              Part{"batch_wait", "+ batch wait"}, Part{"write", "+ write"}};
  constexpr std::array kStatistics{
      Part{"mean", "mean"}, Part{"p50", "p50"},     Part{"p90", "p90"},       Part{"p95", "p95"},
      Part{"p99", "p99"},   Part{"p99_9", "p99.9"}, Part{"p99_99", "p99.99"}, Part{"max", "max"}};
  fmt::format_to(out, "### Latency\n\n| |");
  for (const Part& statistic : kStatistics) fmt::format_to(out, " {} |", statistic.name);
  fmt::format_to(out, "\n|---|");
  for ([[maybe_unused]] const Part& statistic : kStatistics) fmt::format_to(out, "---:|");
  fmt::format_to(out, "\n");
  for (const Part& part : kParts) {
    fmt::format_to(out, "| {} |", part.name);
    for (const Part& statistic : kStatistics) {
      fmt::format_to(out, " {} |", latency_text(latency[part.key][statistic.key]));
    }
    fmt::format_to(out, "\n");
  }
  fmt::format_to(out,
                 "\nCounted from when a message was due; the parts add up to the response.\n\n");
}

void add_messages(const Json& document, Out out) {
  const Json& counts = document["counts"];
  fmt::format_to(out,
                 "### Messages\n\n```text\nscheduled {} = produced {} + skipped {}\n"
                 "produced {} = stored {} + dead-lettered {} + dropped {} + spooled {} + unsent {} "
                 "+ in doubt {}\n```\n\n",
                 count_text(counts["scheduled"]), count_text(counts["produced"]),
                 count_text(counts["skipped"]), count_text(counts["produced"]),
                 count_text(counts["stored"]), count_text(counts["dead_lettered"]),
                 count_text(counts["dropped"]), count_text(counts["spooled"]),
                 count_text(counts["unsent"]), count_text(counts["in_doubt"]));
  if (!law_holds(document)) fmt::format_to(out, "**The accounting does not balance.**\n\n");
  fmt::format_to(out, "Audit: {}.\n\n", audit_text(document["audit"]));
}

void add_errors(const Json& document, Out out) {
  if (document["errors"].empty()) return;
  fmt::format_to(out, "### Errors\n\n");
  for (const Json& error : document["errors"]) {
    fmt::format_to(out, "- {} of {} ({}): {}\n", count_text(error["count"]),
                   code(error["code"].get<std::string>()), prose(error["class"].get<std::string>()),
                   code(error["message"].get<std::string>()));
  }
  fmt::format_to(out, "\n");
}

// No line of it can end the block, because each begins with a key and goes on with a colon.
void add_configuration(const Json& document, Out out) {
  fmt::format_to(out, "<details>\n<summary>Configuration</summary>\n\n```text\n");
  for (const auto& [key, value] : document["config"].items()) {
    fmt::format_to(out, "{}: {}\n", shortened(key),
                   shortened(value.is_string() ? value.get<std::string>() : value.dump()));
  }
  fmt::format_to(out, "```\n\n</details>\n");
}

}  // namespace

std::string markdown_report(const Json& document) {
  const auto exit_code = document["exit_code"].get<std::uint64_t>();
  std::string text;
  const Out out = std::back_inserter(text);
  fmt::format_to(out, "## {} Load test: {}\n\n{}\n\n", exit_code == 0 ? "✅" : "❌",
                 headline(exit_code), prose(document["verdict"].get<std::string>()));
  add_thresholds(document, out);
  add_figures(document, out);
  add_latency(document, out);
  add_messages(document, out);
  add_errors(document, out);
  add_configuration(document, out);
  return text;
}

}  // namespace loadgen
