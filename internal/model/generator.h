// Makes message texts. A pure function of (seed, sequence, producer), so that an audit can make
// each text again and compare it. Thread-safe; allocates only while a reused string grows to its
// size.
//
// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014) gives 64
// bits per step: 16 half bytes, each of which becomes one letter of 'a'..'p'.
#pragma once

#include <cstdint>
#include <string>

namespace loadgen {

class Generator {
 public:
  // `size`: bytes in each text, at least 1.
  Generator(std::uint64_t seed, std::uint32_t size) : seed_(seed), size_(size) {}

  void generate(std::uint64_t sequence, std::uint32_t producer, std::string& text) const;

 private:
  std::uint64_t seed_;
  std::uint32_t size_;
};

}  // namespace loadgen
