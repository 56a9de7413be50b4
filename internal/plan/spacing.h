// Where messages lie on the integral of the rate (Profile): message n lies at a point near n, in
// the same unit. A value; immutable; safe to share between threads. The functions may allocate,
// once a thread.
//
// Even: message n lies at n.
//
// Poisson: the points of each block of kBlock messages are as many sorted uniform draws from the
// block's stretch. That is a Poisson process on condition that each block gets its number:
// distances are exponential and independent but for parts in a thousand, while the total is exact,
// and any block can be had without those before it. Sorted uniforms come from the sums of
// exponential distances, divided by the last sum (Devroye, "Non-Uniform Random Variate Generation",
// V.3.1).
#pragma once

#include <cstdint>
#include <vector>

#include "options/choices.h"

namespace loadgen {

class Spacing {
 public:
  static constexpr std::uint64_t kBlock = 4096;

  // Even.
  Spacing() = default;
  Spacing(Arrival arrival, std::uint64_t seed) : arrival_(arrival), seed_(seed) {}

  // For a run of `total` messages whose integral ends at the point `end`, above total - 1: a block
  // ends there, so that all of them lie before `end`. Unchanged up to the end of the block of
  // message `next`, which may be due already.
  [[nodiscard]] Spacing ending_at(std::uint64_t total, double end, std::uint64_t next = 0) const;

  [[nodiscard]] bool is_even() const { return arrival_ == Arrival::kEven; }
  // Never falls when `sequence` rises. In the message's block, at most kBlock from `sequence`.
  [[nodiscard]] double point_of(std::uint64_t sequence) const;
  // How many messages lie at or before the point, which is not negative.
  [[nodiscard]] std::uint64_t count_by(double point) const;

 private:
  struct Block {
    std::uint64_t begin;
    std::uint64_t size;
    double end;  // a point
  };
  [[nodiscard]] Block block_of(std::uint64_t sequence) const;
  [[nodiscard]] const std::vector<double>& points_in(const Block& block) const;

  Arrival arrival_ = Arrival::kEven;
  std::uint64_t seed_ = 0;
  // Where blocks begin anew, ascending. The block before ends there and may be shorter.
  struct Origin {
    std::uint64_t message;
    double point;  // where the points of the block before end
  };
  std::vector<Origin> origins_{{0, 0}};
};

}  // namespace loadgen
