#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "base/units.h"
#include "options/parse_threshold.h"

namespace loadgen {
namespace {

// Postgres truncates longer identifiers, and then two names could mean one table.
constexpr std::size_t kLongestIdentifier = 63;

// RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_valid_utf8(std::string_view text) {
  constexpr std::array<char32_t, 5> kLowest{0, 0, 0x80, 0x800, 0x10000};  // by length
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : static_cast<std::size_t>(std::countl_one(lead));
    if (length > 4 || (length == 1 && lead >= 0x80) || i + length > text.size()) return false;
    char32_t point = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next >> 6U) != 0x02) return false;
      point = point << 6U | (next & 0x3fU);
    }
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    if (point < kLowest[length] || surrogate || point > 0x10ffff) return false;
    i += length;
  }
  return true;
}

void check_table_name(const std::string& table) {
  const auto refuse = [&](std::string_view allowed) {
    throw UsageError(fmt::format("--table={}: {}", one_line(table), allowed));
  };
  if (table.size() > kLongestIdentifier) refuse("expected a name of at most 63 bytes");
  if (!is_valid_utf8(table)) refuse("expected a name in UTF-8");
  if (std::any_of(table.begin(), table.end(), [](unsigned char c) { return c < 0x20; })) {
    refuse("expected a name without control characters");
  }
  std::string lower = table;  // names differ in case alone only on some databases
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower.starts_with("loadgen_")) refuse("names that begin with loadgen_ are kept for loadgen");
}

std::int64_t new_run_id(const Clock& clock, std::random_device& random) {
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall_now().time_since_epoch());
  return (now.count() << 20) | static_cast<std::int64_t>(random() & 0xfffffU);
}

// The rate over the whole run, the warm-up included.
std::optional<Profile> profile_of(const Options& options, std::uint64_t seed) {
  if (!options.rps) return std::nullopt;
  const Spacing spacing(options.arrival, seed);
  if (options.stages.empty()) return Profile::constant(*options.rps).spaced(spacing);
  std::vector<Profile::Piece> pieces{
      {.length = options.warmup, .rate_begin = *options.rps, .rate_end = *options.rps}};
  for (const Stage& stage : options.stages) {
    pieces.push_back(
        {.length = stage.length, .rate_begin = pieces.back().rate_end, .rate_end = stage.rate_end});
  }
  return Profile::of_pieces(pieces).spaced(spacing);
}

void check_load(const Options& options) {
  if (!options.rps && options.arrival == Arrival::kPoisson) {
    throw UsageError("--arrival=poisson: has no meaning with --rps=max, which has no rate");
  }
  if (options.warmup.count() > 0 && options.rps == 0) {
    throw UsageError(
        "--warmup: has no load with --stages that begin at 0; give --rps, where they begin");
  }
  if (options.warmup > kLongestDuration - options.duration) {
    throw UsageError(fmt::format("--warmup={}: with --duration={} it is longer than {}d",
                                 format_duration(options.warmup), format_duration(options.duration),
                                 kLongestDuration / std::chrono::hours(24)));
  }
}

}  // namespace

Plan make_plan(Options options, const Clock& clock) {
  if (options.thresholds.size() > kMostThresholds) {
    throw UsageError(fmt::format("--threshold: {} were given; expected at most {}",
                                 options.thresholds.size(), kMostThresholds));
  }
  check_table_name(options.table);
  if (!options.rps && options.burst) {
    throw UsageError("--burst: has no meaning with --rps=max, which is never late");
  }
  if (!options.rps && options.max_lag) {
    throw UsageError("--max-lag: has no meaning with --rps=max, which is never late");
  }
  if (options.on_full == OnFull::kSpill && options.spool.empty()) {
    throw UsageError("--on-full=spill: needs --spool=DIR, where to put what does not fit");
  }
  check_load(options);
  std::random_device random;
  // A seed that people can type and that JSON numbers carry exactly.
  const std::uint64_t seed = options.seed ? *options.seed : random();
  const bool has_end = options.duration.count() > 0;
  Schedule schedule(profile_of(options, seed),
                    has_end ? options.warmup + options.duration : nanoseconds(0), options.count);
  return Plan{.options = std::move(options),
              .schedule = std::move(schedule),
              .seed = seed,
              .run_id = new_run_id(clock, random)};
}

}  // namespace loadgen
