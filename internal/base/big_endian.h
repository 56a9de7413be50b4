// Integers in network byte order, as Postgres and HdrHistogram write them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace loadgen {

static_assert(std::endian::native == std::endian::little ||
              std::endian::native == std::endian::big);

constexpr std::uint16_t to_big_endian(std::int16_t value) {
  const auto bits = static_cast<std::uint16_t>(value);
  return std::endian::native == std::endian::little ? __builtin_bswap16(bits) : bits;
}
constexpr std::uint32_t to_big_endian(std::int32_t value) {
  const auto bits = static_cast<std::uint32_t>(value);
  return std::endian::native == std::endian::little ? __builtin_bswap32(bits) : bits;
}
constexpr std::uint64_t to_big_endian(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return std::endian::native == std::endian::little ? __builtin_bswap64(bits) : bits;
}

template <typename Integer>
void append_big_endian(std::string& out, Integer value) {
  const auto bytes = to_big_endian(value);
  out.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
}

// Writes at `out` and returns the place behind.
template <typename Integer>
char* put_big_endian(char* out, Integer value) {
  const auto bytes = to_big_endian(value);
  std::memcpy(out, &bytes, sizeof bytes);
  return out + sizeof bytes;
}

}  // namespace loadgen
