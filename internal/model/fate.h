// How messages end. Each message that a run makes has exactly one fate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <utility>

namespace loadgen {

enum class Fate : std::size_t {
  kStored,        // its commit was confirmed
  kDeadLettered,  // the database refused it; it is safe in the dead letters
  kDropped,       // no room, or it was too late
  kSpooled,       // it is on the spool's disk, for a later run
  kUnsent,        // surely not stored
  kInDoubt,       // a commit, or a write to the spool, has no known outcome
};

// How many messages came to each end.
class Tally {
 public:
  static constexpr std::size_t kFates = 6;

  Tally() = default;
  // Fates that are not named are 0.
  Tally(std::initializer_list<std::pair<Fate, std::uint64_t>> counts) {
    for (const auto& [fate, count] : counts) (*this)[fate] = count;
  }

  [[nodiscard]] std::uint64_t& operator[](Fate fate) {
    return counts_[static_cast<std::size_t>(fate)];
  }
  [[nodiscard]] std::uint64_t operator[](Fate fate) const {
    return counts_[static_cast<std::size_t>(fate)];
  }
  [[nodiscard]] std::uint64_t sum() const {
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
  }
  Tally& operator+=(const Tally& other) {
    for (std::size_t i = 0; i < kFates; ++i) counts_[i] += other.counts_[i];
    return *this;
  }
  Tally& operator-=(const Tally& other) {
    for (std::size_t i = 0; i < kFates; ++i) counts_[i] -= other.counts_[i];
    return *this;
  }
  friend bool operator==(const Tally&, const Tally&) = default;

 private:
  std::array<std::uint64_t, kFates> counts_{};
};

}  // namespace loadgen
