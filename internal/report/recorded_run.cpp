#include "report/recorded_run.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text_limit.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;

// Without conversion: get() would silently accept a sign or a fraction.
std::uint64_t whole_number(const Json& object, const char* key) {
  return object.at(key).get_ref<const Json::number_unsigned_t&>();
}

}  // namespace

RecordedFacts facts_of(const RecordedRun& run) {
  const auto unreadable = [&] {
    return SetupError(fmt::format("run {}: its record in loadgen_runs cannot be read", run.run_id));
  };
  try {
    const Json config = Json::parse(run.config_json);
    const std::uint64_t message_size = whole_number(config, "message_size");
    if (message_size < 1 || message_size > kLongestText) throw unreadable();
    RecordedFacts facts{.run_id = run.run_id,
                        .seed = whole_number(config, "seed"),
                        .message_size = static_cast<std::uint32_t>(message_size),
                        .scheduled = std::nullopt,
                        .stored = std::nullopt,
                        .ledger_rows = run.ledger_rows,
                        .has_ledger = config.value("delivery", "") == "exactly-once"};
    if (!run.result_json.empty()) {
      const Json counts = Json::parse(run.result_json).at("counts");
      facts.scheduled = whole_number(counts, "scheduled");
      facts.stored = whole_number(counts, "stored");
    }
    return facts;
  } catch (const Json::exception&) {
    throw unreadable();
  }
}

}  // namespace loadgen
