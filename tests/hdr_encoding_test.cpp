#include "stats/hdr_encoding.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <random>
#include <string>

#include "support/hdr_decoding.h"

using namespace loadgen;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

using Counts = std::map<std::size_t, std::uint64_t>;

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

// Everything but the length and the counts is the same in all of them.
std::string encoded(const std::string& length, const std::string& counts) {
  return "1c849313" + length + "0000000000000003" + "0000000000000064" + "0000034630b8a000" +
         "3ff0000000000000" + counts;
}

Counts counts_of(const Histogram& histogram) {
  Counts counts;
  histogram.for_each_slot([&](std::int64_t highest, std::uint64_t count) {
    counts[Histogram::index_of(highest)] = count;
  });
  return counts;
}

}  // namespace

// The bytes are those that HdrHistogram 2.1.11 (Java) made of the same values.
TEST_CASE("hdr encoding: the bytes are HdrHistogram's") {
  const auto bytes = [](const Histogram& histogram) {
    return hex(hdr_uncompressed(hdr_base64(histogram)));
  };
  CHECK(bytes(Histogram()) == encoded("00000001", "00"));
  Histogram zero;
  zero.record(0ns);
  CHECK(bytes(zero) == encoded("00000001", "02"));
  Histogram millisecond;
  millisecond.record(1ms);
  CHECK(bytes(millisecond) == encoded("00000003", "c14e02"));
  Histogram hour;
  hour.record(1h, 7);
  CHECK(bytes(hour) == encoded("00000004", "97aa030e"));
  Histogram many;  // counts of any size, one empty slot, many empty slots
  many.record(0ns);
  many.record(128ns, 300);
  many.record(192ns, 5'000'000'000);
  many.record(250us, 1ULL << 56);
  many.record(5ms, 1ULL << 62);
  CHECK(bytes(many) ==
        encoded("0000001f", "0200d80480c8afa025b92e808080808080808002c344808080808080808080"));
}

TEST_CASE("hdr encoding: values above the highest are in the slot of the highest") {
  Histogram hour;
  hour.record(1h, 3);
  Histogram above;
  above.record(2h);
  above.record(nanoseconds::max(), 2);
  CHECK(hdr_base64(above) == hdr_base64(hour));
}

TEST_CASE("hdr encoding: what is decoded are the counts that were encoded") {
  std::mt19937_64 random(17);
  for (int round = 0; round < 300; ++round) {
    Histogram histogram;
    const std::size_t values = random() % 200;
    for (std::size_t i = 0; i < values; ++i) {
      const std::uint64_t magnitude = random() % 64;  // all slots, and above
      histogram.record(nanoseconds(static_cast<std::int64_t>(random() >> 1U >> magnitude)),
                       random() >> (16 + random() % 48));
    }
    CAPTURE(round);
    CHECK(hdr_counts(hdr_base64(histogram)) == counts_of(histogram));
  }
}

TEST_CASE("hdr encoding: neighbours, and slots at both ends of a bucket") {
  Histogram histogram;
  for (std::int64_t value = 1; value <= Histogram::kHighest; value *= 2) {
    for (const std::int64_t near : {value - 1, value, value + 64}) {
      histogram.record(nanoseconds(near), static_cast<std::uint64_t>(value % 1000 + 1));
    }
  }
  CHECK(hdr_counts(hdr_base64(histogram)) == counts_of(histogram));
}
