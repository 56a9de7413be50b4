#include "delivery/poison_isolation.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <functional>
#include <random>
#include <utility>
#include <vector>

using namespace loadgen;

namespace {

using Piece = PoisonIsolation::Piece;
using Rows = std::vector<std::size_t>;
using Row = std::optional<std::size_t>;

// Which row of a refused piece the database names.
using Namer = std::function<Row(const Piece&, const std::vector<bool>& bad)>;

Row name_none(const Piece&, const std::vector<bool>&) { return std::nullopt; }

Row name_first_bad(const Piece& piece, const std::vector<bool>& bad) {
  for (std::size_t i = 0; i < piece.count; ++i) {
    if (bad[piece.first + i]) return i;
  }
  return std::nullopt;
}

Row name_last_bad(const Piece& piece, const std::vector<bool>& bad) {
  for (std::size_t i = piece.count; i-- > 0;) {
    if (bad[piece.first + i]) return i;
  }
  return std::nullopt;
}

// Counts from 1, as COPY does: the row after the bad one, which may be outside.
Row name_off_by_one(const Piece& piece, const std::vector<bool>& bad) {
  return *name_first_bad(piece, bad) + 1;
}

Row name_first(const Piece&, const std::vector<bool>&) { return 0; }

Row name_last(const Piece& piece, const std::vector<bool>&) { return piece.count - 1; }

Row name_outside(const Piece& piece, const std::vector<bool>&) { return piece.count; }

Row name_far_outside(const Piece&, const std::vector<bool>&) { return SIZE_MAX; }

struct NamedNamer {
  const char* name;
  Namer namer;
};

std::vector<NamedNamer> liars(std::mt19937_64& random) {
  return {{"last bad", name_last_bad},
          {"off by one", name_off_by_one},
          {"first", name_first},
          {"last", name_last},
          {"outside", name_outside},
          {"far outside", name_far_outside},
          {"random", [&random](const Piece& piece, const std::vector<bool>&) -> Row {
             if (random() % 4 == 0) return std::nullopt;
             return random() % (piece.count + 2);
           }}};
}

// What a database that refuses every piece with a bad row makes of a frame.
struct Result {
  std::size_t pieces = 0;
  Rows written;
  Rows poison;
};

Result isolate(const std::vector<bool>& bad, const Namer& namer) {
  PoisonIsolation isolation(bad.size());
  std::vector<int> refused_alone(bad.size(), 0);
  Result result;
  std::size_t done = 0;  // rows left of it are decided
  while (const std::optional<Piece> piece = isolation.next()) {
    ++result.pieces;
    REQUIRE(piece->count > 0);
    REQUIRE(piece->first == done);  // strictly from left to right, without a gap
    REQUIRE(piece->count <= bad.size() - done);
    const bool refuse = name_first_bad(*piece, bad).has_value();
    if (!refuse) {
      for (std::size_t i = 0; i < piece->count; ++i) result.written.push_back(done++);
      isolation.written();
      continue;
    }
    if (piece->count == 1) done += ++refused_alone[done] == 2 ? 1U : 0U;
    isolation.refused(namer(*piece, bad));
  }
  REQUIRE(done == bad.size());
  result.poison.assign(isolation.poison().begin(), isolation.poison().end());
  return result;
}

std::size_t ceil_log2(std::size_t n) { return static_cast<std::size_t>(std::bit_width(n - 1)); }

std::size_t most_by_bisection(std::size_t rows, std::size_t bad) {
  return 2 * bad * ceil_log2(rows) + bad + 1;
}

// Exactly the bad rows are poison and exactly the others written; returns how many pieces it took.
std::size_t check_isolation(const std::vector<bool>& bad, const Namer& namer) {
  Rows good_rows;
  Rows bad_rows;
  for (std::size_t i = 0; i < bad.size(); ++i) (bad[i] ? bad_rows : good_rows).push_back(i);
  const Result result = isolate(bad, namer);
  REQUIRE(result.poison == bad_rows);
  REQUIRE(result.written == good_rows);
  return result.pieces;
}

void check_every_namer(const std::vector<bool>& bad, std::mt19937_64& random) {
  std::size_t k = 0;
  for (const bool is_bad : bad) k += is_bad ? 1U : 0U;
  const std::size_t most = most_by_bisection(bad.size(), k);
  CAPTURE(bad.size());
  CAPTURE(k);
  REQUIRE(check_isolation(bad, name_none) <= most);
  REQUIRE(check_isolation(bad, name_first_bad) <= 4 * k + 1);
  for (const NamedNamer& liar : liars(random)) {
    CAPTURE(liar.name);
    REQUIRE(check_isolation(bad, liar.namer) <= most + 3 * k + 3);
  }
}

std::vector<bool> bad_at(std::size_t rows, const Rows& where) {
  std::vector<bool> bad(rows, false);
  for (const std::size_t row : where) bad[row] = true;
  return bad;
}

bool is(const std::optional<Piece>& piece, std::size_t first, std::size_t count) {
  return piece && piece->first == first && piece->count == count;
}

Rows poison_of(const PoisonIsolation& isolation) {
  return {isolation.poison().begin(), isolation.poison().end()};
}

}  // namespace

TEST_CASE("poison: the first piece is the whole frame") {
  PoisonIsolation isolation(7);
  CHECK(is(isolation.next(), 0, 7));
  isolation.written();
  CHECK_FALSE(isolation.next());
  CHECK(isolation.poison().empty());
}

TEST_CASE("poison: an empty frame is done at once") {
  const PoisonIsolation isolation(0);
  CHECK_FALSE(isolation.next());
  CHECK(isolation.poison().empty());
}

TEST_CASE("poison: without a named row a refused piece is halved, the left half comes first") {
  PoisonIsolation isolation(8);
  isolation.refused(std::nullopt);
  CHECK(is(isolation.next(), 0, 4));
  isolation.written();
  CHECK(is(isolation.next(), 4, 4));
  isolation.refused(std::nullopt);
  CHECK(is(isolation.next(), 4, 2));
}

TEST_CASE("poison: a named row is probed alone, between the rows before and after it") {
  PoisonIsolation isolation(100);
  isolation.refused(30);
  CHECK(is(isolation.next(), 0, 30));
  isolation.written();
  CHECK(is(isolation.next(), 30, 1));
  isolation.refused(0);
  CHECK(is(isolation.next(), 30, 1));
  isolation.refused(0);
  CHECK(is(isolation.next(), 31, 69));
  isolation.refused(9);  // counts within the piece
  CHECK(is(isolation.next(), 31, 9));
  isolation.written();
  CHECK(is(isolation.next(), 40, 1));
}

TEST_CASE("poison: the first or the last row may be the one that is named") {
  PoisonIsolation isolation(5);
  isolation.refused(0);
  CHECK(is(isolation.next(), 0, 1));
  isolation.refused(0);
  isolation.refused(0);
  CHECK(is(isolation.next(), 1, 4));
  isolation.refused(3);
  CHECK(is(isolation.next(), 1, 3));
  isolation.written();
  CHECK(is(isolation.next(), 4, 1));
  isolation.refused(0);
  isolation.refused(0);
  CHECK_FALSE(isolation.next());
  CHECK(poison_of(isolation) == Rows{0, 4});
}

TEST_CASE("poison: a row refused alone once, and then written, is no poison") {
  PoisonIsolation isolation(2);
  isolation.refused(std::nullopt);
  isolation.refused(std::nullopt);
  CHECK(is(isolation.next(), 0, 1));
  isolation.written();
  CHECK(is(isolation.next(), 1, 1));
  isolation.refused(std::nullopt);
  CHECK(isolation.poison().empty());  // the refusal of row 0 does not count against row 1
  CHECK(is(isolation.next(), 1, 1));
  isolation.written();
  CHECK_FALSE(isolation.next());
  CHECK(isolation.poison().empty());
}

TEST_CASE("poison: any other outcome is no answer, and the same piece comes again") {
  PoisonIsolation isolation(4);
  for (int outage = 0; outage < 3; ++outage) CHECK(is(isolation.next(), 0, 4));
  isolation.refused(1);
  for (int outage = 0; outage < 3; ++outage) CHECK(is(isolation.next(), 0, 1));
  isolation.written();
  isolation.refused(0);
  for (int outage = 0; outage < 3; ++outage) CHECK(is(isolation.next(), 1, 1));
  CHECK(isolation.poison().empty());
  isolation.refused(0);
  CHECK(poison_of(isolation) == Rows{1});
  CHECK(is(isolation.next(), 2, 2));
}

TEST_CASE("poison: a name outside the piece is as good as none") {
  for (const std::size_t row : {std::size_t{8}, std::size_t{9}, SIZE_MAX}) {
    PoisonIsolation isolation(8);
    isolation.refused(row);
    CHECK(is(isolation.next(), 0, 4));
  }
}

TEST_CASE("poison: after a good row was named, names are ignored") {
  PoisonIsolation isolation(9);
  isolation.refused(0);
  CHECK(is(isolation.next(), 0, 1));
  isolation.written();
  CHECK(is(isolation.next(), 1, 8));
  isolation.refused(0);
  CHECK(is(isolation.next(), 1, 4));
}

TEST_CASE("poison: while a row is named, the rows before it are halved whatever is named there") {
  PoisonIsolation isolation(20);
  isolation.refused(16);
  CHECK(is(isolation.next(), 0, 16));
  isolation.refused(15);
  CHECK(is(isolation.next(), 0, 8));
  isolation.written();
  CHECK(is(isolation.next(), 8, 8));
  isolation.written();
  CHECK(is(isolation.next(), 16, 1));
  isolation.refused(0);
  isolation.refused(0);
  CHECK(is(isolation.next(), 17, 3));
  isolation.refused(1);  // believed again, for row 16 was bad
  CHECK(is(isolation.next(), 17, 1));
}

TEST_CASE("poison: every set of bad rows among up to ten is found, whatever is named") {
  std::mt19937_64 random(1);
  for (std::size_t rows = 1; rows <= 10; ++rows) {
    for (std::uint32_t set = 0; set < 1U << rows; ++set) {
      std::vector<bool> bad(rows);
      for (std::size_t i = 0; i < rows; ++i) bad[i] = (set >> i & 1U) != 0;
      check_every_namer(bad, random);
    }
  }
}

TEST_CASE("poison: random bad rows among a thousand are found, whatever is named") {
  std::mt19937_64 random(20260102);
  for (const std::uint64_t one_in : {1U, 2U, 10U, 100U, 1000U}) {
    for (int round = 0; round < 20; ++round) {
      std::vector<bool> bad(1000);
      for (auto&& row : bad) row = random() % one_in == 0;
      check_every_namer(bad, random);
    }
  }
}

TEST_CASE("poison: one bad row in the largest frame costs a few dozen pieces, whatever is named") {
  constexpr std::size_t kRows = 100'000;
  std::mt19937_64 random(3);
  for (const std::size_t row : {std::size_t{0}, kRows / 2, kRows / 3, kRows - 1}) {
    check_every_namer(bad_at(kRows, {row}), random);
  }
}

TEST_CASE("poison: a piece that is deferred comes once more, after all others") {
  PoisonIsolation isolation(4);
  CHECK_FALSE(isolation.may_defer());  // there are no others
  isolation.refused(std::nullopt);
  REQUIRE(isolation.may_defer());
  isolation.defer();
  CHECK(is(isolation.next(), 2, 2));
  isolation.refused(std::nullopt);
  CHECK(is(isolation.next(), 2, 1));
  CHECK(isolation.pending().size() == 3);
  isolation.written();
  CHECK(is(isolation.next(), 3, 1));
  isolation.defer();
  CHECK(is(isolation.next(), 0, 2));
  CHECK_FALSE(isolation.may_defer());
  isolation.written();
  CHECK(is(isolation.next(), 3, 1));
  isolation.refused(std::nullopt);
  isolation.refused(std::nullopt);
  CHECK_FALSE(isolation.next());
  CHECK(poison_of(isolation) == Rows{3});
}

TEST_CASE("poison: a database of moods ends too, and no row is lost") {
  std::mt19937_64 random(20260103);
  for (int round = 0; round < 200; ++round) {
    const std::size_t rows = 1 + random() % 300;
    PoisonIsolation isolation(rows);
    std::size_t written = 0;
    std::size_t answers = 0;
    while (const std::optional<Piece> piece = isolation.next()) {
      if (random() % 5 == 0 && isolation.may_defer()) {
        isolation.defer();
        continue;
      }
      if (random() % 2 == 0) {
        written += piece->count;
        isolation.written();
      } else {
        isolation.refused(random() % (2 * rows));
      }
      REQUIRE(++answers <= 3 * rows);
    }
    CHECK(written + isolation.poison().size() == rows);
  }
}
