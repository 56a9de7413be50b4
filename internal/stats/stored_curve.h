// How many messages were stored over the course of a run, in slots that double in width as the run
// goes on. Not thread-safe. Does not allocate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/clock.h"

namespace loadgen {

class StoredCurve {
 public:
  // `when` counts from the start of the run.
  void record(nanoseconds when, std::uint64_t messages);
  void merge(const StoredCurve& other);

  // Messages stored in each slot of this width, from the start on.
  [[nodiscard]] nanoseconds width() const { return width_; }
  [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }

 private:
  static constexpr std::size_t kSlots = 256;

  void widen();

  nanoseconds width_ = std::chrono::milliseconds(1);  // well below what matters
  std::array<std::uint64_t, kSlots> counts_{};
};

}  // namespace loadgen
