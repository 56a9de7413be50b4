// How many messages wait in a channel, over time. Not thread-safe. Does not allocate.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace loadgen {

class DepthGauge {
 public:
  explicit DepthGauge(TimePoint start) : start_(start), since_(start) {}

  // From now on the depth is another one. Times never go back.
  void set(std::uint64_t depth, TimePoint now) {
    integral_ += over(now);
    since_ = now;
    depth_ = depth;
    max_ = std::max(max_, depth);
  }

  [[nodiscard]] std::uint64_t depth() const { return depth_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  // Over the time since the start.
  [[nodiscard]] double mean(TimePoint now) const {
    const auto lifetime = static_cast<double>((now - start_).count());
    return lifetime > 0 ? (integral_ + over(now)) / lifetime : 0;
  }

 private:
  [[nodiscard]] double over(TimePoint now) const {
    return static_cast<double>(depth_) * static_cast<double>((now - since_).count());
  }

  TimePoint start_;
  TimePoint since_;
  double integral_ = 0;  // of the depth, in message-nanoseconds
  std::uint64_t depth_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace loadgen
