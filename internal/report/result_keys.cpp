#include "report/result_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/redact.h"
#include "report/result_document.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;

enum class Type { kText, kTime, kCount, kAmount, kFlag, kObject, kList };

struct Key {
  // A JSON pointer; * stands for every element of a list or member of an object.
  std::string_view path;
  Type type;
  // What else is allowed. A key is missed only where its parent is there.
  bool may_be_null = false;
  bool may_be_missing = false;
};

// A parent stands before its children.
constexpr Key kKeys[] = {
    {"/run_id", Type::kText},
    {"/started_at", Type::kTime},
    {"/ended_at", Type::kTime},
    {"/app_version", Type::kText},
    {"/exit_code", Type::kCount},
    {"/interrupted", Type::kFlag},
    {"/config", Type::kObject},
    {"/config/producers", Type::kCount},
    {"/config/consumers", Type::kCount},
    {"/config/rps", Type::kAmount, true},
    {"/config/duration_s", Type::kAmount},
    {"/config/batch_size", Type::kCount},
    {"/config/message_size", Type::kCount},
    {"/config/db", Type::kText},
    {"/config/table", Type::kText},
    {"/config/insert", Type::kText},
    {"/config/durability", Type::kText},
    {"/environment", Type::kObject},
    {"/environment/hostname", Type::kText},
    {"/environment/os", Type::kText},
    {"/environment/cpu_model", Type::kText},
    {"/environment/cpu_count", Type::kCount},
    {"/environment/database", Type::kObject},
    {"/environment/database/kind", Type::kText},
    {"/environment/database/version", Type::kText},
    {"/environment/database/durability", Type::kObject},
    {"/environment/database/durability/*", Type::kText},
    {"/counts", Type::kObject},
    {"/counts/scheduled", Type::kCount},
    {"/counts/skipped", Type::kCount},
    {"/counts/produced", Type::kCount},
    {"/counts/stored", Type::kCount},
    {"/counts/dead_lettered", Type::kCount},
    {"/counts/dropped", Type::kCount},
    {"/counts/spooled", Type::kCount},
    {"/counts/unsent", Type::kCount},
    {"/counts/in_doubt", Type::kCount},
    {"/counts/retried_frames", Type::kCount},
    {"/counts/duplicates_suppressed", Type::kCount},
    {"/rate", Type::kObject},
    {"/rate/target_per_s", Type::kAmount, true},
    {"/rate/produced_per_s", Type::kAmount, true},
    {"/rate/stored_per_s", Type::kAmount, true},
    {"/rate/sustained", Type::kFlag, true},
    {"/time_s", Type::kObject},
    {"/time_s/produce", Type::kAmount},
    {"/time_s/drain", Type::kAmount},
    {"/time_s/total", Type::kAmount},
    {"/latency_us", Type::kObject},
    {"/latency_us/response", Type::kObject},
    {"/latency_us/schedule_lag", Type::kObject},
    {"/latency_us/queue_wait", Type::kObject},
    {"/latency_us/batch_wait", Type::kObject},
    {"/latency_us/write", Type::kObject},
    {"/latency_us/held_back", Type::kObject, false, true},
    {"/latency_us/uncorrected", Type::kObject, false, true},
    {"/latency_us/*", Type::kObject},
    {"/latency_us/*/count", Type::kCount},
    {"/latency_us/*/min", Type::kAmount},
    {"/latency_us/*/mean", Type::kAmount},
    {"/latency_us/*/stddev", Type::kAmount},
    {"/latency_us/*/p50", Type::kAmount},
    {"/latency_us/*/p90", Type::kAmount},
    {"/latency_us/*/p95", Type::kAmount},
    {"/latency_us/*/p99", Type::kAmount},
    {"/latency_us/*/p99_9", Type::kAmount},
    {"/latency_us/*/p99_99", Type::kAmount},
    {"/latency_us/*/max", Type::kAmount},
    {"/queue", Type::kObject},
    {"/queue/capacity", Type::kCount},
    {"/queue/depth_max", Type::kCount},
    {"/queue/depth_mean", Type::kAmount},
    {"/queue/blocked_s", Type::kAmount},
    {"/batches", Type::kObject},
    {"/batches/count", Type::kCount},
    {"/batches/rows_mean", Type::kAmount},
    {"/batches/full", Type::kCount},
    {"/batches/linger", Type::kCount},
    {"/batches/drain", Type::kCount},
    {"/client", Type::kObject},
    {"/client/cpu_user_s", Type::kAmount},
    {"/client/cpu_system_s", Type::kAmount},
    {"/client/max_rss_bytes", Type::kCount},
    {"/client/threads", Type::kList, false, true},
    {"/client/threads/*", Type::kObject},
    {"/client/threads/*/role", Type::kText},
    {"/client/threads/*/index", Type::kCount},
    {"/client/threads/*/cpu_s", Type::kAmount},
    {"/client/threads/*/busy_share", Type::kAmount},
    {"/client/oversleep_us", Type::kObject, false, true},
    {"/client/oversleep_us/p50", Type::kAmount},
    {"/client/oversleep_us/p99", Type::kAmount},
    {"/audit", Type::kObject},
    {"/audit/mode", Type::kText},
    {"/audit/checked", Type::kCount},
    {"/audit/lost", Type::kCount},
    {"/audit/duplicated", Type::kCount},
    {"/audit/unexpected", Type::kCount},
    {"/audit/corrupted", Type::kCount},
    {"/audit/passed", Type::kFlag, true},
    {"/resumed", Type::kList, false, true},
    {"/resumed/*", Type::kObject},
    {"/resumed/*/run_id", Type::kText},
    {"/resumed/*/dead_lettered", Type::kCount},
    {"/resumed/*/damaged", Type::kCount},
    {"/resumed/*/audit", Type::kObject},
    {"/resumed/*/audit/passed", Type::kFlag, true},
    {"/errors", Type::kList},
    {"/errors/*", Type::kObject},
    {"/errors/*/code", Type::kText},
    {"/errors/*/class", Type::kText},
    {"/errors/*/count", Type::kCount},
    {"/errors/*/message", Type::kText},
    {"/failure", Type::kObject, true},
    {"/failure/code", Type::kText},
    {"/failure/class", Type::kText},
    {"/failure/message", Type::kText},
    {"/verdict", Type::kText},
    {"/thresholds", Type::kList, true, true},
    {"/thresholds/*", Type::kObject},
    {"/thresholds/*/expression", Type::kText},
    {"/thresholds/*/observed", Type::kAmount, true, true},
    {"/thresholds/*/unit", Type::kText, false, true},
    {"/thresholds/*/passed", Type::kFlag},
    {"/thresholds/*/aborted", Type::kFlag, false, true},
    {"/warmup", Type::kObject, true, true},
    {"/warmup/duration_s", Type::kAmount},
    {"/bottleneck", Type::kObject, true, true},
    {"/bottleneck/kind", Type::kText},
    {"/bottleneck/evidence", Type::kText},
    {"/events", Type::kList, false, true},
    {"/events/*", Type::kObject},
    {"/events/*/t_s", Type::kAmount},
    {"/events/*/kind", Type::kText},
    {"/events/*/text", Type::kText},
    {"/series", Type::kObject, true, true},
    {"/series/interval_s", Type::kAmount},
    {"/series/samples", Type::kList},
    {"/series/samples/*", Type::kObject},
    {"/series/samples/*/t_s", Type::kAmount},
    {"/series/samples/*/scheduled", Type::kCount},
    {"/series/samples/*/produced", Type::kCount},
    {"/series/samples/*/stored", Type::kCount},
    {"/series/samples/*/skipped", Type::kCount},
    {"/series/samples/*/dropped", Type::kCount},
    {"/series/samples/*/failed", Type::kCount},
    {"/series/samples/*/queue_depth", Type::kCount},
    {"/series/samples/*/in_flight", Type::kCount},
    {"/series/samples/*/rate_wanted", Type::kAmount, true},
    {"/series/samples/*/response_us", Type::kObject},
    {"/series/samples/*/response_us/p50", Type::kAmount, true},
    {"/series/samples/*/response_us/p99", Type::kAmount, true},
    {"/series/samples/*/response_us/max", Type::kAmount, true},
    {"/series/samples/*/parts_mean_us", Type::kObject},
    {"/series/samples/*/parts_mean_us/schedule_lag", Type::kAmount, true},
    {"/series/samples/*/parts_mean_us/queue_wait", Type::kAmount, true},
    {"/series/samples/*/parts_mean_us/batch_wait", Type::kAmount, true},
    {"/series/samples/*/parts_mean_us/write", Type::kAmount, true},
    {"/series/samples/*/cpu_cores", Type::kAmount, true},
    {"/series/samples/*/producers", Type::kCount},
    {"/series/samples/*/consumers", Type::kCount},
};

constexpr double kLargestNumber = 1e18;

// As format_utc writes it.
bool is_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  return std::equal(text.begin(), text.end(), kForm.begin(), kForm.end(), [](char c, char form) {
    return form == '0' ? '0' <= c && c <= '9' : c == form;
  });
}

bool is_of(Type type, const Json& value) {
  switch (type) {
    case Type::kText:
      return value.is_string();
    case Type::kTime:
      return value.is_string() && is_time(value.get_ref<const std::string&>());
    case Type::kCount:
      return value.is_number_unsigned() && value.get<double>() <= kLargestNumber;
    case Type::kAmount:
      return value.is_number() && value.get<double>() >= 0 && value.get<double>() <= kLargestNumber;
    case Type::kFlag:
      return value.is_boolean();
    case Type::kObject:
      return value.is_object();
    case Type::kList:
      return value.is_array();
  }
  return false;
}

std::string_view name_of(Type type) {
  switch (type) {
    case Type::kText:
      return "a text";
    case Type::kTime:
      return "a time such as 2026-01-31T12:00:00.123Z";
    case Type::kCount:
      return "a whole number from 0 to 1e18";
    case Type::kAmount:
      return "a number from 0 to 1e18";
    case Type::kFlag:
      return "true or false";
    case Type::kObject:
      return "an object";
    case Type::kList:
      return "a list";
  }
  return "";
}

// Not more than fits a line.
std::string shortened(std::string_view text) {
  constexpr std::size_t kMost = 60;
  return printable(text.substr(0, kMost)) + (text.size() > kMost ? "..." : "");
}

std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return shortened(value.dump(-1, ' ', true));  // ASCII only
}

// Checks one key in all places where its path leads.
class Check {
 public:
  explicit Check(const Key& key) : key_(key) {}

  std::string operator()(const Json& document) { return walk(document, key_.path); }

 private:
  // `rest` is "" or begins with a slash.
  std::string walk(const Json& value, std::string_view rest) {
    if (rest.empty()) {
      if (is_of(key_.type, value) || (key_.may_be_null && value.is_null())) return "";
      return fmt::format("{}: expected {}{}, found {}", place_, name_of(key_.type),
                         key_.may_be_null ? " or null" : "", shown(value));
    }
    if (!value.is_structured()) return "";  // a null
    rest.remove_prefix(1);
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(name.size());
    if (name == "*") return walk_all(value, rest);
    const auto found = value.is_object() ? value.find(std::string(name)) : value.end();
    if (found == value.end()) {
      if (key_.may_be_missing || !rest.empty()) return "";
      return fmt::format("{}/{}: is missing; expected {}", place_, name, name_of(key_.type));
    }
    return step(*found, name, rest);
  }

  std::string walk_all(const Json& value, std::string_view rest) {
    std::size_t index = 0;
    for (const auto& [name, member] : value.items()) {
      std::string problem =
          step(member, value.is_array() ? fmt::format("{}", index++) : name, rest);
      if (!problem.empty()) return problem;
    }
    return "";
  }

  std::string step(const Json& member, std::string_view name, std::string_view rest) {
    const std::size_t length = place_.size();
    place_ += fmt::format("/{}", shortened(name));
    std::string problem = walk(member, rest);
    place_.resize(length);
    return problem;
  }

  const Key& key_;
  std::string place_;
};

}  // namespace

std::string problem_of(const Json& document) {
  const auto version = document.is_object() ? document.find("schema_version") : document.end();
  if (version == document.end() || !version->is_number_integer()) {
    return "is not a result of loadgen: /schema_version is missing";
  }
  if (*version != kJsonSchemaVersion) {
    return fmt::format("/schema_version: expected {}, found {}", kJsonSchemaVersion,
                       shown(*version));
  }
  for (const Key& key : kKeys) {
    std::string problem = Check(key)(document);
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace loadgen
