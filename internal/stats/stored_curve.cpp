#include "stats/stored_curve.h"

#include <algorithm>

namespace loadgen {

void StoredCurve::record(nanoseconds when, std::uint64_t messages) {
  when = std::max(when, nanoseconds(0));
  while (when / width_ >= static_cast<std::int64_t>(kSlots)) widen();
  counts_.at(static_cast<std::size_t>(when / width_)) += messages;
}

void StoredCurve::merge(const StoredCurve& other) {
  StoredCurve addend = other;
  while (width_ < addend.width_) widen();
  while (addend.width_ < width_) addend.widen();
  for (std::size_t i = 0; i < kSlots; ++i) counts_[i] += addend.counts_[i];
}

// Each two slots become one.
void StoredCurve::widen() {
  for (std::size_t i = 0; i < kSlots / 2; ++i) counts_[i] = counts_[2 * i] + counts_[2 * i + 1];
  std::fill(counts_.begin() + kSlots / 2, counts_.end(), 0);
  width_ *= 2;
}

}  // namespace loadgen
