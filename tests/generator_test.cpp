#include "model/generator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>

using namespace loadgen;

namespace {

std::string text_of(std::uint64_t seed, std::uint32_t size, std::uint64_t sequence,
                    std::uint32_t producer) {
  std::string text;
  Generator(seed, size).generate(sequence, producer, text);
  return text;
}

}  // namespace

// Runs are compared by their seed across versions and machines: these texts must never change.
TEST_CASE("generator: the texts are what they always were") {
  CHECK(text_of(0, 64, 0, 0) == "bomimfcdjlpdlhicemcfgfkifcilgcjpekahnoahepijbacekhcekmahaeoghnbo");
  CHECK(text_of(42, 20, 7, 3) == "npobmlfbejhpfpfpgdgf");
  CHECK(text_of(std::numeric_limits<std::uint64_t>::max(), 5,
                std::numeric_limits<std::uint64_t>::max(),
                std::numeric_limits<std::uint32_t>::max()) == "jghjp");
  CHECK(text_of(1, 33, 1'000'000'000'000, 1023) == "ecdocdilgmdjddfppefhokfhpidocmfpn");
}

TEST_CASE("generator: a text is as long as was asked for and holds only a to p") {
  for (std::uint32_t size = 1; size <= 256; ++size) {
    const std::string text = text_of(7, size, 3, 1);
    CAPTURE(size);
    CHECK(text.size() == size);
    CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'p'; }));
  }
}

TEST_CASE("generator: the same input gives the same text, whatever was made before") {
  const Generator generator(99, 40);
  std::string first;
  generator.generate(5, 2, first);
  std::string again = "left over from something else, and longer than any text that is made here";
  generator.generate(6, 2, again);
  CHECK(again != first);
  generator.generate(5, 2, again);
  CHECK(again == first);
}

TEST_CASE("generator: seed, sequence and producer each change the text") {
  const std::string text = text_of(1, 32, 1, 1);
  CHECK(text_of(2, 32, 1, 1) != text);
  CHECK(text_of(1, 32, 2, 1) != text);
  CHECK(text_of(1, 32, 1, 2) != text);
  CHECK(text_of(1ULL << 63U, 32, 1, 1) != text_of(0, 32, 1, 1));
  CHECK(text_of(1, 32, 1ULL << 63U, 1) != text_of(1, 32, 0, 1));
}

TEST_CASE("generator: a hundred thousand neighbours are as many texts") {
  // 24 letters hold 96 bits: a collision by chance has odds of one in 10^17.
  std::set<std::string> seen;
  std::string text;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const Generator generator(seed, 24);
    for (std::uint64_t sequence = 0; sequence < 1'000; ++sequence) {
      for (std::uint32_t producer = 0; producer < 25; ++producer) {
        generator.generate(sequence, producer, text);
        seen.insert(text);
      }
    }
  }
  CHECK(seen.size() == 4U * 1'000 * 25);
}

TEST_CASE("generator: neighbours do not share a stream shifted by a block") {
  const std::string text = text_of(1, 256, 10, 4);
  for (const std::string& other :
       {text_of(1, 256, 11, 4), text_of(1, 256, 9, 4), text_of(1, 256, 10, 5),
        text_of(1, 256, 10, 3), text_of(2, 256, 10, 4), text_of(1, 256, 11, 3)}) {
    for (std::size_t at = 0; at + 16 <= text.size(); at += 8) {
      CHECK(other.find(text.substr(at, 16)) == std::string::npos);
    }
  }
}

TEST_CASE("generator: every letter is about as frequent, at the start and all over") {
  std::array<double, 16> first{};
  std::array<double, 16> all{};
  constexpr int kTexts = 16'000;
  std::string text;
  const Generator generator(3, 64);
  for (std::uint64_t sequence = 0; sequence < kTexts; ++sequence) {
    generator.generate(sequence, 0, text);
    ++first[static_cast<std::size_t>(text.front() - 'a')];
    for (const char c : text) ++all[static_cast<std::size_t>(c - 'a')];
  }
  for (std::size_t letter = 0; letter < 16; ++letter) {
    CHECK(std::abs(first[letter] - 1'000) < 6 * std::sqrt(1'000.0));
    CHECK(std::abs(all[letter] - 64'000) < 6 * std::sqrt(64'000.0));
  }
}

TEST_CASE("generator: a reused string keeps its buffer") {
  const Generator generator(1, 256);
  std::string text;
  generator.generate(0, 0, text);
  const char* buffer = text.data();
  for (std::uint64_t sequence = 1; sequence < 100; ++sequence) {
    generator.generate(sequence, 0, text);
    CHECK(text.data() == buffer);
  }
}
