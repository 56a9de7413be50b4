#include "run/spool_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/redact.h"
#include "run/await_database.h"

namespace loadgen {

std::vector<std::string> target_names(const Options& options, const Target& target) {
  std::error_code ignored;
  const auto files = target.files();
  const std::string address = files.empty()
                                  ? redact(options.db)
                                  : std::filesystem::weakly_canonical(
                                        std::filesystem::absolute(files.front(), ignored), ignored)
                                        .string();
  std::vector<std::string> names;
  for (const std::string& place : {target.place(), address}) {
    if (place.empty()) continue;
    names.push_back(fmt::format("{}, table {}", one_line(place), one_line(options.table)));
  }
  return names;
}

void check_spool(Spool& spool, std::span<const std::string> target_names, Delivery delivery,
                 const Clock& clock) {
  const auto refuse = [&](const SpooledRun& run, const std::string& why) {
    throw UsageError(fmt::format("--spool={}: holds messages of run {} {}",
                                 one_line(spool.directory()), run.run_id, why));
  };
  const WallAnchor now{clock.now(), clock.wall_now()};
  for (const SpooledRun& run : spool.read([&](SpoolStore& store) { return store.runs(now); })) {
    if (std::find(target_names.begin(), target_names.end(), run.target) == target_names.end()) {
      refuse(run,
             fmt::format("for {}, and not for {}", one_line(run.target), target_names.front()));
    }
    if (run.exactly_once && delivery == Delivery::kAtLeastOnce) {
      refuse(run, "to be stored exactly once, which --delivery=at-least-once does not");
    }
  }
}

void check_is_recorded(const SpooledRun& run, const std::string& spool,
                       const DeliveryContext& delivery) {
  RunLog* const log = delivery.target.run_log();
  if (log == nullptr) return;  // then none is
  std::optional<RecordedRun> recorded;
  retry_lost_session(delivery.clock, [&] { recorded = log->find(run.run_id); });
  if (recorded) return;
  throw UsageError(fmt::format(
      "--spool={}: holds messages of run {}, and loadgen_runs in this database and schema has no "
      "such run: it wrote elsewhere, or its record was deleted",
      one_line(spool), run.run_id));
}

}  // namespace loadgen
