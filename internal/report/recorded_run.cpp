#include "report/recorded_run.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace loadgen {

RecordedFacts facts_of(const RecordedRun& run) {
  using Json = nlohmann::json;
  try {
    const Json config = Json::parse(run.config_json);
    RecordedFacts facts{.run_id = run.run_id,
                        .seed = config.at("seed").get<std::uint64_t>(),
                        .message_size = config.at("message_size").get<std::uint32_t>(),
                        .scheduled = std::nullopt,
                        .stored = std::nullopt,
                        .ledger_rows = run.ledger_rows};
    if (!run.result_json.empty()) {
      const Json counts = Json::parse(run.result_json).at("counts");
      facts.scheduled = counts.at("scheduled").get<std::uint64_t>();
      facts.stored = counts.at("stored").get<std::uint64_t>();
    }
    return facts;
  } catch (const Json::exception&) {
    throw SetupError(fmt::format("run {}: its record in loadgen_runs cannot be read", run.run_id));
  }
}

}  // namespace loadgen
