#include "stats/hdr_encoding.h"

#include <zlib.h>

#include <bit>
#include <cstdint>
#include <new>

#include "base/base64.h"
#include "base/big_endian.h"

namespace loadgen {
namespace {

constexpr std::int32_t kCookie = 0x1c849313;
constexpr std::int32_t kCompressedCookie = 0x1c849314;

// LEB128 with ZigZag, in HdrHistogram's variant: the ninth byte holds eight bits.
void append_number(std::string& out, std::int64_t value) {
  auto rest = static_cast<std::uint64_t>(value) << 1U ^ static_cast<std::uint64_t>(value >> 63);
  for (int i = 0; i < 8 && rest >= 0x80; ++i) {
    out += static_cast<char>(rest | 0x80U);
    rest >>= 7U;
  }
  out += static_cast<char>(rest);
}

// All slots up to the last that is not empty; k > 1 empty ones are the number -k.
std::string encoded_counts(const Histogram& histogram) {
  std::string out;
  std::size_t next = 0;  // index of the slot that follows
  histogram.for_each_slot([&](std::int64_t highest, std::uint64_t count) {
    const std::size_t index = Histogram::index_of(highest);
    const auto empty = static_cast<std::int64_t>(index - next);
    if (empty > 0) append_number(out, empty == 1 ? 0 : -empty);
    append_number(out, static_cast<std::int64_t>(count));
    next = index + 1;
  });
  if (next == 0) append_number(out, 0);
  return out;
}

std::string compressed(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  const int result =
      compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), Z_BEST_COMPRESSION);
  if (result != Z_OK) throw std::bad_alloc();  // there is no other reason
  out.resize(size);
  return out;
}

}  // namespace

std::string hdr_base64(const Histogram& histogram) {
  const std::string counts = encoded_counts(histogram);
  std::string plain;
  append_big_endian(plain, kCookie);
  append_big_endian(plain, static_cast<std::int32_t>(counts.size()));
  append_big_endian(plain, std::int32_t{0});  // normalizing index offset
  append_big_endian(plain, std::int32_t{Histogram::kDigits});
  append_big_endian(plain, Histogram::kLowest);
  append_big_endian(plain, Histogram::kHighest);
  append_big_endian(plain, std::bit_cast<std::int64_t>(1.0));  // ratio of values to units
  plain += counts;

  const std::string content = compressed(plain);
  std::string out;
  append_big_endian(out, kCompressedCookie);
  append_big_endian(out, static_cast<std::int32_t>(content.size()));
  return to_base64(out + content);
}

}  // namespace loadgen
