#include "model/generator.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace loadgen {
namespace {

static_assert(std::endian::native == std::endian::little,
              "texts must be the same on every machine: swap bytes in letters() on this one");

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio, SplitMix64's step

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111eb;
  return z ^ (z >> 31U);
}

// Eight half bytes, one in each byte of `nibbles`, become eight letters.
std::uint64_t letters(std::uint64_t nibbles) {
  return (nibbles & 0x0f0f0f0f0f0f0f0f) + 0x6161616161616161;
}

}  // namespace

void Generator::generate(std::uint64_t sequence, std::uint32_t producer, std::string& text) const {
  // Mixed after each input, so that no two (sequence, producer) share a stream by mere addition.
  std::uint64_t state = mix(mix(seed_ + kGolden * (sequence + 1)) + kGolden * (producer + 1ULL));
  text.resize(size_);
  for (std::size_t at = 0; at < size_; at += 16) {
    state += kGolden;
    const std::uint64_t bits = mix(state);
    const std::uint64_t block[2] = {letters(bits), letters(bits >> 4U)};
    std::memcpy(text.data() + at, block, std::min<std::size_t>(16, size_ - at));
  }
}

}  // namespace loadgen
