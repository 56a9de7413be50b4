// Parts of a result's document as texts for people, as several formats need them. Pure functions.
// The document must be one that problem_of accepts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace loadgen {

// The value of a key that may be missing or null, which both give a nullptr.
const nlohmann::ordered_json* find(const nlohmann::ordered_json& object, const char* key);

// On one line, whatever the text holds, and cut to a length that suits a report.
std::string shortened(std::string_view text);

std::string count_text(const nlohmann::ordered_json& count);            // "1,234"
std::string per_second_text(const nlohmann::ordered_json& per_second);  // "500.0/s"; "-" if null
std::string seconds_text(const nlohmann::ordered_json& seconds);        // "10.004s"
std::string latency_text(const nlohmann::ordered_json& microseconds);   // "1.23 ms"

struct ThresholdText {
  std::string expression;
  std::string observed;
  bool passed;
  bool aborted;
};
std::vector<ThresholdText> thresholds_of(const nlohmann::ordered_json& document);

// Whether the counts obey the conservation law.
bool law_holds(const nlohmann::ordered_json& document);

// "passed, 5,000 rows read back, 0 lost, ...".
std::string audit_text(const nlohmann::ordered_json& audit);

// "5 dropped, 1 unsent"; "" = nothing was lost.
std::string losses_text(const nlohmann::ordered_json& document);

}  // namespace loadgen
