// Converts the spool's values to SQLite's and back, and computes their checksums. Pure.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "model/sequence_set.h"

namespace loadgen {

// SQLite's integers are signed; these conversions keep all bits.
inline std::int64_t to_signed(std::uint64_t value) { return std::bit_cast<std::int64_t>(value); }
inline std::uint64_t to_unsigned(std::int64_t value) { return std::bit_cast<std::uint64_t>(value); }

// The checksum of a row: its numbers and its text.
template <std::size_t N>
std::int64_t checksum(const std::array<std::int64_t, N>& numbers, std::string_view text) {
  std::array<char, sizeof(numbers)> bytes;
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  // Combines two checksums, so that the text need not be copied behind the numbers.
  return to_signed(fnv1a64({bytes.data(), bytes.size()}) * 31 + fnv1a64(text));
}

std::string encode(std::span<const SequenceRange> ranges);
// nullopt = encode() cannot have written these bytes.
std::optional<std::vector<SequenceRange>> decode(std::string_view bytes);

}  // namespace loadgen
