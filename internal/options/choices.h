// The closed sets of values an option may take, each with the names users write. The tables are the
// only place that knows the names.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace loadgen {

// How messages are spread over the rate: at equal distances, or at random (a Poisson process).
enum class Arrival { kEven, kPoisson };
// What a producer does when the channel is full; kSpill: puts new messages into the spool.
enum class OnFull { kBlock, kDropNew, kDropOld, kAbort, kSpill };
// How a frame is written; kAuto lets the database choose its fastest.
enum class InsertMethod { kAuto, kCopy, kMulti, kUnnest, kSingle };
// Whether a frame whose commit has no known outcome may end up stored twice.
enum class Delivery { kExactlyOnce, kAtLeastOnce };
// The circuit breaker in front of the target.
enum class Breaker { kOn, kOff };
// Whether a commit waits for the disk.
enum class Durability { kFull, kRelaxed };
// How the run is audited at its end.
enum class VerifyMode { kOff, kCount, kFull };
// Ascending: each leaves out more.
enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

template <typename E>
using Names = std::pair<E, std::string_view>;

inline constexpr std::array kArrivalNames{Names<Arrival>{Arrival::kEven, "even"},
                                          Names<Arrival>{Arrival::kPoisson, "poisson"}};
inline constexpr std::array kOnFullNames{
    Names<OnFull>{OnFull::kBlock, "block"}, Names<OnFull>{OnFull::kDropNew, "drop-new"},
    Names<OnFull>{OnFull::kDropOld, "drop-old"}, Names<OnFull>{OnFull::kAbort, "abort"},
    Names<OnFull>{OnFull::kSpill, "spill"}};
inline constexpr std::array kInsertMethodNames{
    Names<InsertMethod>{InsertMethod::kAuto, "auto"},
    Names<InsertMethod>{InsertMethod::kCopy, "copy"},
    Names<InsertMethod>{InsertMethod::kMulti, "multi"},
    Names<InsertMethod>{InsertMethod::kUnnest, "unnest"},
    Names<InsertMethod>{InsertMethod::kSingle, "single"}};
inline constexpr std::array kDeliveryNames{
    Names<Delivery>{Delivery::kExactlyOnce, "exactly-once"},
    Names<Delivery>{Delivery::kAtLeastOnce, "at-least-once"}};
inline constexpr std::array kBreakerNames{Names<Breaker>{Breaker::kOn, "on"},
                                          Names<Breaker>{Breaker::kOff, "off"}};
inline constexpr std::array kDurabilityNames{Names<Durability>{Durability::kFull, "full"},
                                             Names<Durability>{Durability::kRelaxed, "relaxed"}};
inline constexpr std::array kVerifyModeNames{Names<VerifyMode>{VerifyMode::kOff, "off"},
                                             Names<VerifyMode>{VerifyMode::kCount, "count"},
                                             Names<VerifyMode>{VerifyMode::kFull, "full"}};
inline constexpr std::array kLogLevelNames{
    Names<LogLevel>{LogLevel::kDebug, "debug"}, Names<LogLevel>{LogLevel::kInfo, "info"},
    Names<LogLevel>{LogLevel::kWarn, "warn"}, Names<LogLevel>{LogLevel::kError, "error"},
    Names<LogLevel>{LogLevel::kOff, "off"}};

constexpr const auto& names_of(Arrival) { return kArrivalNames; }
constexpr const auto& names_of(OnFull) { return kOnFullNames; }
constexpr const auto& names_of(InsertMethod) { return kInsertMethodNames; }
constexpr const auto& names_of(Delivery) { return kDeliveryNames; }
constexpr const auto& names_of(Breaker) { return kBreakerNames; }
constexpr const auto& names_of(Durability) { return kDurabilityNames; }
constexpr const auto& names_of(VerifyMode) { return kVerifyModeNames; }
constexpr const auto& names_of(LogLevel) { return kLogLevelNames; }

template <typename E>
constexpr std::string_view to_name(E value) {
  for (const auto& [candidate, name] : names_of(value)) {
    if (candidate == value) return name;
  }
  return "";
}

template <typename E>
constexpr std::optional<E> from_name(std::string_view text) {
  for (const auto& [candidate, name] : names_of(E{})) {
    if (name == text) return candidate;
  }
  return std::nullopt;
}

}  // namespace loadgen
