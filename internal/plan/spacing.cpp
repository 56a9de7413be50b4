#include "plan/spacing.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace loadgen {
namespace {

// SplitMix64 (Steele, Lea, Flood, 2014).
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111eb;
  return z ^ (z >> 31U);
}
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;

// Above 0, up to 1.
double uniform(std::uint64_t bits) { return (static_cast<double>(bits >> 11U) + 1) * 0x1p-53; }

// The block a thread used last. Only a memo of a pure function: producers ask for neighbouring
// messages, and computing a block anew for each would cost thousands of logarithms.
struct Memo {
  std::uint64_t seed = 0;
  std::uint64_t begin = 0;
  double end = 0;
  std::vector<double> points;
};

}  // namespace

Spacing Spacing::ending_at(std::uint64_t total, double end, std::uint64_t next) const {
  Spacing spacing = *this;
  if (is_even()) return spacing;
  std::vector<Origin>& origins = spacing.origins_;
  if (next > 0) {
    const Block current = block_of(next);
    std::erase_if(origins, [&](const Origin& origin) { return origin.message > next; });
    origins.push_back({current.begin + current.size, current.end});
  }
  if (total > origins.back().message) {
    origins.push_back({total, std::min(end, static_cast<double>(total))});
  }
  return spacing;
}

Spacing::Block Spacing::block_of(std::uint64_t sequence) const {
  const auto after =
      std::upper_bound(std::next(origins_.begin()), origins_.end(), sequence,
                       [](std::uint64_t n, const Origin& origin) { return n < origin.message; });
  const std::uint64_t begin = sequence - (sequence - std::prev(after)->message) % kBlock;
  const std::uint64_t end = begin + kBlock;
  if (after == origins_.end() || end < after->message) {
    return {begin, kBlock, static_cast<double>(end)};
  }
  return {begin, after->message - begin, after->point};
}

const std::vector<double>& Spacing::points_in(const Block& block) const {
  thread_local Memo memo;
  if (memo.seed == seed_ && memo.begin == block.begin && memo.end == block.end &&
      memo.points.size() == block.size) {
    return memo.points;
  }
  memo.points.resize(block.size);
  std::uint64_t state = mix(seed_ + kGolden) ^ mix(block.begin + kGolden);
  const auto distance = [&state] { return -std::log(uniform(mix(state += kGolden))); };
  double sum = 0;
  for (double& point : memo.points) point = sum += distance();
  const auto begin = static_cast<double>(block.begin);
  const double scale = (block.end - begin) / (sum + distance());
  for (double& point : memo.points) point = begin + point * scale;
  memo.seed = seed_;
  memo.begin = block.begin;
  memo.end = block.end;
  return memo.points;
}

double Spacing::point_of(std::uint64_t sequence) const {
  if (is_even()) return static_cast<double>(sequence);
  const Block block = block_of(sequence);
  return points_in(block)[sequence - block.begin];
}

std::uint64_t Spacing::count_by(double point) const {
  constexpr double kMost = 1e19;  // what an integer can hold
  const auto floor = static_cast<std::uint64_t>(std::min(point, kMost));
  if (is_even()) return floor + 1;
  const Block block = block_of(floor);
  const auto& points = points_in(block);
  const auto after = std::upper_bound(points.begin(), points.end(), point);
  return block.begin + static_cast<std::uint64_t>(after - points.begin());
}

}  // namespace loadgen
