#include "report/document_texts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/redact.h"
#include "base/units.h"

namespace loadgen {

using Json = nlohmann::ordered_json;

namespace {

std::uint64_t number(const Json& object, const char* key) {
  return object[key].get<std::uint64_t>();
}

std::string observed_text(const Json* observed) {
  if (observed == nullptr) return "no samples";
  return observed->is_string() ? observed->get<std::string>() : observed->dump();
}

// The counts that are not 0: "5 dropped, 1 unsent".
class List {
 public:
  void add(std::uint64_t count, std::string_view what) {
    if (count == 0) return;
    text_ += fmt::format("{}{} {}", text_.empty() ? "" : ", ", format_count(count), what);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

const Json* find(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kLongest = 1'000;
  if (text.size() <= kLongest) return printable(text);
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return printable(text.substr(0, end)) + "...";
}

std::string count_text(const Json& count) { return format_count(count.get<std::uint64_t>()); }

std::string per_second_text(const Json& per_second) {
  return per_second.is_null() ? "-" : format_amount(per_second.get<double>(), 1) + "/s";
}

std::string seconds_text(const Json& seconds) {
  return fmt::format("{:.3f}s", seconds.get<double>());
}

std::string latency_text(const Json& microseconds) {
  return format_latency(microseconds.get<double>() * 1e3);
}

std::vector<ThresholdText> thresholds_of(const Json& document) {
  std::vector<ThresholdText> thresholds;
  const Json* const list = find(document, "thresholds");
  if (list == nullptr) return thresholds;
  for (const Json& threshold : *list) {
    const Json* const aborted = find(threshold, "aborted");
    thresholds.push_back({.expression = threshold["expression"].get<std::string>(),
                          .observed = observed_text(find(threshold, "observed")),
                          .passed = threshold["passed"].get<bool>(),
                          .aborted = aborted != nullptr && aborted->get<bool>()});
  }
  return thresholds;
}

bool law_holds(const Json& document) {
  const Json& counts = document["counts"];
  std::uint64_t ended = 0;
  for (const char* fate : {"stored", "dead_lettered", "dropped", "spooled", "unsent", "in_doubt"}) {
    ended += number(counts, fate);
  }
  const std::uint64_t produced = number(counts, "produced");
  return number(counts, "scheduled") == produced + number(counts, "skipped") && produced == ended;
}

std::string audit_text(const Json& audit) {
  if (audit["mode"] == "off") return "none";
  const Json& passed = audit["passed"];
  return fmt::format("{}, {} rows read back, {} lost, {} duplicated, {} unexpected, {} corrupted",
                     passed.is_null()     ? "not finished"
                     : passed.get<bool>() ? "passed"
                                          : "FAILED",
                     count_text(audit["checked"]), count_text(audit["lost"]),
                     count_text(audit["duplicated"]), count_text(audit["unexpected"]),
                     count_text(audit["corrupted"]));
}

std::string losses_text(const Json& document) {
  const Json& counts = document["counts"];
  List list;
  list.add(number(counts, "dropped"), "dropped");
  list.add(number(counts, "dead_lettered"), "dead-lettered");
  list.add(number(counts, "unsent"), "unsent");
  list.add(number(counts, "in_doubt"), "in doubt");
  if (const Json* const resumed = find(document, "resumed")) {
    for (const Json& run : *resumed) {
      const std::string id = shortened(run["run_id"].get<std::string>());
      list.add(number(run, "dead_lettered"), fmt::format("dead-lettered of run {}", id));
      list.add(number(run, "damaged"), fmt::format("damaged in the spool of run {}", id));
    }
  }
  return list.text();
}

}  // namespace loadgen
