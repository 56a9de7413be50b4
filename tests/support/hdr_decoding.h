// Reads what stats/hdr_encoding.h writes, independently of it.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include "base/base64.h"

namespace loadgen {

inline void need(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

inline std::uint64_t big_endian(const std::string& bytes, std::size_t at, std::size_t size) {
  need(at + size <= bytes.size(), "too short");
  std::uint64_t value = 0;
  for (std::size_t i = at; i < at + size; ++i) {
    value = value << 8U | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

// What is behind base64 and zlib.
inline std::string hdr_uncompressed(const std::string& base64) {
  const std::string bytes = from_base64(base64).value();
  need(big_endian(bytes, 0, 4) == 0x1c849314, "the cookie of a compressed histogram");
  need(big_endian(bytes, 4, 4) == bytes.size() - 8, "the length of what is compressed");
  std::string plain(1'000'000, '\0');
  uLongf size = plain.size();
  need(uncompress(reinterpret_cast<Bytef*>(plain.data()), &size,
                  reinterpret_cast<const Bytef*>(bytes.data()) + 8, bytes.size() - 8) == Z_OK,
       "zlib can read it");
  plain.resize(size);
  return plain;
}

// The counts that are not 0, by the index of their slot.
inline std::map<std::size_t, std::uint64_t> hdr_counts(const std::string& base64) {
  const std::string plain = hdr_uncompressed(base64);
  need(big_endian(plain, 4, 4) == plain.size() - 40, "the length of the counts");
  std::map<std::size_t, std::uint64_t> counts;
  std::size_t index = 0;
  for (std::size_t at = 40; at < plain.size();) {
    std::uint64_t bits = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<std::uint64_t>(big_endian(plain, at++, 1));
      bits |= (shift == 56 ? byte : byte & 0x7fU) << shift;
      if (shift == 56 || byte < 0x80) break;
    }
    const auto value =
        static_cast<std::int64_t>(bits >> 1U) ^ -static_cast<std::int64_t>(bits & 1U);
    if (value < 0) {
      index += static_cast<std::size_t>(-value);
    } else {
      if (value > 0) counts[index] = static_cast<std::uint64_t>(value);
      ++index;
    }
  }
  return counts;
}

}  // namespace loadgen
