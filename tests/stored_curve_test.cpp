#include "stats/stored_curve.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

std::uint64_t stored_by(const StoredCurve& curve, nanoseconds time) {
  std::uint64_t stored = 0;
  nanoseconds end{0};
  for (const std::uint64_t count : curve.counts()) {
    end += curve.width();
    if (end > time) break;
    stored += count;
  }
  return stored;
}

}  // namespace

TEST_CASE("stored curve: says how many were stored by when, in a run of any length") {
  for (const nanoseconds length : {50ms, 1'000ms, 60'000ms, 3'600'000ms, 86'400'000ms}) {
    CAPTURE(length.count());
    StoredCurve curve;
    for (int i = 0; i < 10'000; ++i) curve.record(length / 10'000 * i, 3);
    CHECK(curve.width() * 256 >= length);
    CHECK((curve.width() == 1ms || curve.width() * 128 < length));
    for (int tenth = 1; tenth <= 10; ++tenth) {
      const auto stored = static_cast<double>(stored_by(curve, length / 10 * tenth + 1ns));
      CHECK(stored == doctest::Approx(3'000 * tenth).epsilon(0.2 / tenth));
    }
  }
}

TEST_CASE("stored curve: what came before the start came at the start") {
  StoredCurve curve;
  curve.record(-1s, 7);
  CHECK(curve.counts().front() == 7);
}

TEST_CASE("stored curve: merged is as if one had recorded all") {
  std::minstd_rand random(7);  // NOLINT(cert-msc51-cpp): the same each time
  for (int round = 0; round < 50; ++round) {
    StoredCurve all;
    std::vector<StoredCurve> parts(3);
    // They may have seen a part of the run only, and so be finer than the others.
    const std::vector<nanoseconds> ends{90ms, 20s, nanoseconds(random() % 1'000'000'000'000)};
    for (int i = 0; i < 300; ++i) {
      const std::size_t part = random() % 3;
      const nanoseconds when = ends[part] * (random() % 1000) / 1000;
      const std::uint64_t messages = random() % 100;
      all.record(when, messages);
      parts[part].record(when, messages);
    }
    StoredCurve merged;
    for (const StoredCurve& part : parts) merged.merge(part);
    CHECK(merged.width() == all.width());
    CHECK(std::equal(merged.counts().begin(), merged.counts().end(), all.counts().begin()));
  }
}
