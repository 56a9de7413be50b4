#include "model/sequence_set.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <thread>
#include <vector>

using namespace loadgen;

namespace {

using Ranges = std::vector<SequenceRange>;

// What a SequenceSet must agree with: the plainest thing that works.
struct Oracle {
  std::uint64_t insert(SequenceRange range) {
    std::uint64_t added = 0;
    for (std::uint64_t s = range.begin; s < range.end; ++s) added += set.insert(s).second ? 1U : 0U;
    return added;
  }
  [[nodiscard]] Ranges ranges() const {
    Ranges list;
    for (const std::uint64_t s : set) {
      if (list.empty() || list.back().end != s) list.push_back({s, s});
      list.back().end = s + 1;
    }
    return list;
  }
  [[nodiscard]] std::uint64_t count_missing_from(const Oracle& other) const {
    std::uint64_t missing = 0;
    for (const std::uint64_t s : set) missing += other.set.count(s) == 0 ? 1U : 0U;
    return missing;
  }
  std::set<std::uint64_t> set;
};

struct Pair {
  SequenceSet set;
  Oracle oracle;

  void insert(SequenceRange range) {
    CHECK(set.insert(range) == oracle.insert(range));
    CHECK(set.size() == oracle.set.size());
  }
};

// Ranges as random as `shape` makes them: nearly in order, as a run inserts them, or all over.
SequenceRange random_range(std::mt19937_64& random, std::uint64_t step, bool ordered) {
  const std::uint64_t base = ordered ? step * 5 : random() % 2'000;
  const std::uint64_t begin = base + random() % 60;
  return {begin, begin + random() % 20};
}

}  // namespace

TEST_CASE("sequence set: empty at first") {
  const SequenceSet set;
  CHECK(set.size() == 0);
  CHECK(set.ranges().empty());
  CHECK_FALSE(set.contains(0));
  CHECK(set.count_missing_from(set) == 0);
}

TEST_CASE("sequence set: insert returns how many were new") {
  SequenceSet set;
  CHECK(set.insert({10, 20}) == 10);
  CHECK(set.insert({10, 20}) == 0);
  CHECK(set.insert({12, 15}) == 0);
  CHECK(set.insert({15, 25}) == 5);
  CHECK(set.insert({5, 12}) == 5);
  CHECK(set.insert({0, 30}) == 10);
  CHECK(set.ranges() == Ranges{{0, 30}});
  CHECK(set.size() == 30);
}

TEST_CASE("sequence set: an empty or reversed range adds nothing") {
  SequenceSet set;
  CHECK(set.insert({5, 5}) == 0);
  CHECK(set.insert({6, 5}) == 0);
  CHECK(set.ranges().empty());
  CHECK(set.insert({0, 10}) == 10);
  CHECK(set.insert({3, 3}) == 0);
  CHECK(set.insert({20, 20}) == 0);
  CHECK(set.ranges() == Ranges{{0, 10}});
}

TEST_CASE("sequence set: neighbours join, a gap of one keeps them apart") {
  SequenceSet set;
  set.insert({0, 5});
  set.insert({6, 10});
  CHECK(set.ranges() == Ranges{{0, 5}, {6, 10}});
  CHECK_FALSE(set.contains(5));
  CHECK(set.insert({5, 6}) == 1);
  CHECK(set.ranges() == Ranges{{0, 10}});
  set.insert({10, 12});
  CHECK(set.ranges() == Ranges{{0, 12}});
}

TEST_CASE("sequence set: one range can swallow many") {
  SequenceSet set;
  for (std::uint64_t s = 0; s < 100; s += 10) set.insert({s, s + 3});
  CHECK(set.ranges().size() == 10);
  CHECK(set.insert({12, 81}) == 69 - 1 - 6 * 3 - 1);
  CHECK(set.ranges() == Ranges{{0, 3}, {10, 83}, {90, 93}});
}

TEST_CASE("sequence set: contains at both ends of a range") {
  SequenceSet set;
  set.insert({10, 20});
  CHECK_FALSE(set.contains(9));
  CHECK(set.contains(10));
  CHECK(set.contains(19));
  CHECK_FALSE(set.contains(20));
}

TEST_CASE("sequence set: the largest numbers are no exception") {
  constexpr std::uint64_t kTop = std::numeric_limits<std::uint64_t>::max();
  SequenceSet set;
  CHECK(set.insert({kTop - 5, kTop}) == 5);
  CHECK(set.insert({0, 1}) == 1);
  CHECK(set.contains(kTop - 1));
  CHECK_FALSE(set.contains(kTop));
  CHECK(set.insert({0, kTop}) == kTop - 6);
  CHECK(set.size() == kTop);
  CHECK(set.ranges() == Ranges{{0, kTop}});
}

TEST_CASE("sequence set: memory grows with the holes and not with the sequences") {
  SequenceSet set;
  std::uint64_t next = 0;
  for (int i = 0; i < 10'000; ++i, next += 64) set.insert({next, next + 64});
  CHECK(set.ranges().size() == 1);
  CHECK(set.size() == 640'000);
}

TEST_CASE("sequence set: agrees with a plain set on random ranges") {
  std::mt19937_64 random(20'240'229);
  for (const bool ordered : {true, false}) {
    for (int round = 0; round < 20; ++round) {
      Pair pair;
      for (std::uint64_t step = 0; step < 200; ++step) {
        pair.insert(random_range(random, step, ordered));
        if (step % 20 == 0) CHECK(pair.set.ranges() == pair.oracle.ranges());
      }
      CHECK(pair.set.ranges() == pair.oracle.ranges());
      for (std::uint64_t s = 0; s < 2'100; ++s) {
        if (pair.set.contains(s) != (pair.oracle.set.count(s) == 1)) FAIL_CHECK(s);
      }
    }
  }
}

TEST_CASE("sequence set: agrees with a plain set on single sequences in random order") {
  std::mt19937_64 random(7);
  Pair pair;
  for (int i = 0; i < 3'000; ++i) {
    const std::uint64_t s = random() % 1'000;
    pair.insert({s, s + 1});
  }
  CHECK(pair.set.ranges() == pair.oracle.ranges());
}

TEST_CASE("sequence set: what is missing from another set") {
  SequenceSet mine;
  SequenceSet theirs;
  mine.insert({0, 10});
  mine.insert({20, 30});
  CHECK(mine.count_missing_from(theirs) == 20);
  CHECK(theirs.count_missing_from(mine) == 0);
  theirs.insert({5, 25});
  CHECK(mine.count_missing_from(theirs) == 10);
  CHECK(theirs.count_missing_from(mine) == 10);
  theirs.insert({0, 100});
  CHECK(mine.count_missing_from(theirs) == 0);
  CHECK(theirs.count_missing_from(mine) == 80);
  CHECK(mine.count_missing_from(mine) == 0);
}

TEST_CASE("sequence set: what is missing agrees with plain sets on random ranges") {
  std::mt19937_64 random(1'234);
  for (int round = 0; round < 60; ++round) {
    Pair a;
    Pair b;
    const std::uint64_t steps = 1 + random() % 60;
    for (std::uint64_t step = 0; step < steps; ++step) {
      a.insert(random_range(random, step, round % 2 == 0));
      b.insert(random_range(random, step, round % 3 == 0));
    }
    CHECK(a.set.count_missing_from(b.set) == a.oracle.count_missing_from(b.oracle));
    CHECK(b.set.count_missing_from(a.set) == b.oracle.count_missing_from(a.oracle));
  }
}

TEST_CASE("shared sequence set: takes what many threads put in") {
  SharedSequenceSet shared;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&shared, t] {
        for (std::uint64_t i = 0; i < 500; ++i) {
          const std::uint64_t base = (i * 4 + t) * 10;
          const Ranges ranges{{base, base + 3}, {base + 5, base + 10}};
          shared.insert(ranges);
        }
      });
    }
  }
  const SequenceSet set = shared.take();
  CHECK(set.size() == 4U * 500 * 8);
  CHECK(set.contains(19'999));
  CHECK_FALSE(set.contains(19'993));
  CHECK(set.ranges().size() == 2'001);  // each hole parts one range from the next
}

TEST_CASE("sequence set: what is erased is gone, whatever it overlaps") {
  // Against a plain set, with ranges of all kinds.
  std::minstd_rand random(7);
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  SequenceSet set;
  std::vector<bool> plain(64, false);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t begin = below(64);
    const SequenceRange range{begin, begin + below(65 - begin)};
    const bool adds = below(2) == 0;
    if (adds) {
      set.insert(range);
    } else {
      set.erase(range);
    }
    for (std::uint64_t n = range.begin; n < range.end; ++n) plain[n] = adds;
    const auto expected = static_cast<std::uint64_t>(std::count(plain.begin(), plain.end(), true));
    if (set.size() != expected) FAIL("wrong size after " << i);
    for (std::uint64_t n = 0; n < 64; ++n) {
      if (set.contains(n) != plain[n]) FAIL("wrong at " << n << " after " << i);
    }
    for (std::size_t r = 1; r < set.ranges().size(); ++r) {
      if (set.ranges()[r - 1].end >= set.ranges()[r].begin) FAIL("ranges touch after " << i);
    }
  }
}
