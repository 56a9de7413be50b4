#include "plan/profile.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using Pieces = std::vector<Profile::Piece>;

namespace {

constexpr nanoseconds kDay = 24h;
constexpr nanoseconds kYear = 365 * kDay;

constexpr double kRates[] = {0.000001, 0.001, 0.1,         0.3,   0.7,       1,   1.5,
                             3,        7,     60,          99.9,  333.3,     500, 999.999,
                             1e3,      10e3,  12345.678,   100e3, 333'333.3, 1e6, 1.5e6,
                             3e6,      7e8,   999'999'999, 1e9};

// How many messages of a rate a test looks at: those of 10 days, at most 100 G, at least one.
std::uint64_t span_of(double rate) {
  return static_cast<std::uint64_t>(std::clamp(rate * 864'000, 1.0, 1e11));
}

// The first 500 messages, then any.
std::uint64_t pick(std::uint64_t i, double rate, std::mt19937_64& random) {
  return (i < 500 ? i : random()) % span_of(rate);
}

// due_by() counts exactly the messages that are due no later.
void check_inverse(const Profile& profile, nanoseconds elapsed) {
  const std::uint64_t due = profile.due_by(elapsed);
  const bool last_is_due = due == 0 || profile.when(due - 1) <= elapsed;
  const bool next_is_not = profile.when(due) > elapsed;
  if (last_is_due && next_is_not) return;
  CAPTURE(elapsed.count());
  CAPTURE(due);
  CHECK(last_is_due);
  CHECK(next_is_not);
}

long double seconds(nanoseconds time) { return static_cast<long double>(time.count()) / 1e9L; }

// The integral of the rate in closed form, with 64 bits instead of 53.
struct Exact {
  Pieces pieces;

  [[nodiscard]] long double messages(nanoseconds elapsed) const {
    long double sum = 0;
    for (const auto& [length, begin, end] : pieces) {
      const long double t = seconds(std::min(elapsed, length));
      const long double slope =
          length.count() > 0 ? (static_cast<long double>(end) - begin) / seconds(length) : 0;
      sum += begin * t + slope * t * t / 2;
      elapsed -= std::min(elapsed, length);
    }
    return sum + pieces.back().rate_end * seconds(elapsed);
  }
  [[nodiscard]] nanoseconds length() const {
    nanoseconds sum{0};
    for (const auto& piece : pieces) sum += piece.length;
    return sum;
  }
};

double random_rate(std::mt19937_64& random) {
  if (random() % 4 == 0) return 0;
  return std::pow(10, std::uniform_real_distribution<>(-6, 9)(random));
}

// Constant stretches, ramps up and down, to and from 0, jumps and pauses.
Pieces random_pieces(std::mt19937_64& random) {
  Pieces pieces(1 + random() % 6);
  double rate = random_rate(random);
  for (auto& piece : pieces) {
    if (random() % 2 == 0) rate = random_rate(random);
    const double length = std::pow(10, std::uniform_real_distribution<>(0, 14)(random));
    double to = random() % 2 == 0 ? rate : random_rate(random);
    if (random() % 4 == 0) to = rate * (1 + 1e-9);  // nearly flat
    piece = {nanoseconds(static_cast<std::int64_t>(length)), rate, to};
    if (random() % 8 == 0) piece.length = 0ns;
    rate = to;
  }
  return pieces;
}

// Some messages of a profile: the first ones, any, and those around the ends of its pieces.
std::vector<std::uint64_t> some_messages(const Exact& exact, std::mt19937_64& random) {
  std::vector<std::uint64_t> list{0, 1, 2, 3};
  const auto total = static_cast<std::uint64_t>(std::min(exact.messages(exact.length()), 1e15L));
  for (int i = 0; i < 50; ++i) list.push_back(random() % (total + 10));
  nanoseconds end{0};
  for (const auto& piece : exact.pieces) {
    end += piece.length;
    const auto n = static_cast<std::uint64_t>(std::min(exact.messages(end), 1e15L));
    for (const std::uint64_t near : {n - 1, n, n + 1}) list.push_back(n == 0 ? 0 : near);
  }
  return list;
}

}  // namespace

TEST_CASE("profile: the first message is due at once, the others evenly after it") {
  const Profile profile = Profile::constant(500);
  CHECK(profile.when(0) == 0ns);
  CHECK(profile.when(1) == 2ms);
  CHECK(profile.when(500) == 1s);
  CHECK(profile.when(500 * 86'400ULL) == kDay);
  CHECK(Profile::constant(0.1).when(1) == 10s);
  CHECK(Profile::constant(3).when(1) == 333'333'333ns);
  CHECK(Profile::constant(3).when(2) == 666'666'667ns);
  CHECK(Profile::constant(3).when(3) == 1s);
  CHECK(Profile::constant(1e9).when(12'345) == 12'345ns);
}

TEST_CASE("profile: at a constant rate no message is a nanosecond away from n / rate") {
  std::mt19937_64 random(1);
  for (const double rate : kRates) {
    const Profile profile = Profile::constant(rate);
    for (std::uint64_t i = 0; i < 2'000; ++i) {
      const std::uint64_t n = pick(i, rate, random);
      // 64 bits of mantissa: exact to a thousandth of a nanosecond over ten days.
      const long double exact = static_cast<long double>(n) * 1e9L / static_cast<long double>(rate);
      const auto when = static_cast<long double>(profile.when(n).count());
      if (std::abs(when - exact) <= 1) continue;
      CAPTURE(rate);
      CAPTURE(n);
      CHECK(when == doctest::Approx(static_cast<double>(exact)).epsilon(0));
    }
  }
}

TEST_CASE("profile: whole seconds are met exactly for a year") {
  for (const double rate : {1.0, 3.0, 7.0, 500.0, 10e3, 100e3, 1e6}) {
    CAPTURE(rate);
    for (const std::uint64_t second : {1ULL, 10ULL, 59ULL, 3'600ULL, 86'400ULL, 31'536'000ULL}) {
      const auto n = static_cast<std::uint64_t>(rate) * second;
      CHECK(Profile::constant(rate).when(n) == std::chrono::seconds(second));
    }
  }
}

TEST_CASE("profile: later messages are never due earlier") {
  for (const double rate : kRates) {
    const Profile profile = Profile::constant(rate);
    for (const std::uint64_t from : {std::uint64_t{0}, span_of(rate)}) {
      for (std::uint64_t n = from; n < from + 2'000; ++n) {
        if (profile.when(n) > profile.when(n + 1)) FAIL_CHECK(rate << " " << n);
      }
    }
  }
}

TEST_CASE("profile: due_by is the exact inverse of when at every rate") {
  std::mt19937_64 random(2);
  for (const double rate : kRates) {
    CAPTURE(rate);
    const Profile profile = Profile::constant(rate);
    for (std::uint64_t i = 0; i < 2'000; ++i) {
      const std::uint64_t n = pick(i, rate, random);
      const nanoseconds due = profile.when(n);
      check_inverse(profile, due);
      check_inverse(profile, due - 1ns);
      check_inverse(profile, due + 1ns);
      const auto year = static_cast<std::uint64_t>(kYear.count());
      check_inverse(profile, nanoseconds(static_cast<std::int64_t>(random() % year)));
      CHECK(profile.due_by(due) >= n + 1);
      if (n > 0) CHECK(profile.due_by(due - 1ns) <= n);
    }
  }
}

TEST_CASE("profile: nothing is due before the start, one message at it") {
  for (const double rate : kRates) {
    CAPTURE(rate);
    CHECK(Profile::constant(rate).due_by(-1ns) == 0);
    CHECK(Profile::constant(rate).due_by(-kYear) == 0);
    CHECK(Profile::constant(rate).due_by(0ns) == 1);
  }
}

TEST_CASE("profile: the slowest rate there is, one message in eleven days") {
  const Profile profile = Profile::constant(1e-6);
  CHECK(profile.when(1) == 1'000'000s);
  CHECK(profile.due_by(kYear) == 32);
}

TEST_CASE("profile: what lies beyond all times is never due, and never counted") {
  CHECK(Profile::constant(1e-6).when(1'000'000'000'000'000) == Profile::kNever);
  const Profile silent = Profile::constant(0);
  CHECK(silent.when(0) == Profile::kNever);
  CHECK(silent.due_by(kYear) == 0);
  CHECK(silent.due_by(Profile::kNever + 1s) == 0);
  CHECK(std::isinf(silent.due_s(0)));
  CHECK(Profile::of_pieces(Pieces{{1s, 500, 500}, {0s, 500, 0}}).when(500) == Profile::kNever);
}

TEST_CASE("profile: ramps, in whole numbers") {
  const Profile up = Profile::of_pieces(Pieces{{10s, 0, 500}});
  CHECK(up.when(0) == 0s);
  CHECK(up.when(100) == 2s);     // 25 t^2
  CHECK(up.when(2'500) == 10s);  // where it ends
  CHECK(up.when(3'000) == 11s);
  CHECK(up.due_by(10s - 1ns) == 2'500);
  CHECK(up.rate_at(5s) == 250);
  CHECK(up.rate_at(-1ns) == 0);
  CHECK(up.rate_at(1h) == 500);
  CHECK(up.messages(4s) == 400);

  const Profile down = Profile::of_pieces(Pieces{{10s, 500, 0}});
  CHECK(down.when(2'400) == 8s);  // 2500 - 25 (10 - t)^2
  CHECK(down.when(2'499) == 9'800ms);
  CHECK(down.when(2'500) == Profile::kNever);
  CHECK(down.due_by(kYear) == 2'500);
  CHECK(down.rate_at(9s) == 50);
  CHECK(down.rate_at(10s) == 0);

  const Profile jump = Profile::of_pieces(Pieces{{1s, 10, 10}, {0s, 10, 1'000}});
  CHECK(jump.rate_at(1s - 1ns) == 10);
  CHECK(jump.rate_at(1s) == 1'000);
  CHECK(jump.when(11) == 1'001ms);
}

TEST_CASE("profile: a ramp down to 0 holds half its rate times its length, and not one more") {
  for (const nanoseconds length : {nanoseconds(1s), nanoseconds(7s), nanoseconds(20s), kDay}) {
    for (std::uint64_t count = 1; count <= 3'000; ++count) {
      const double length_s = std::chrono::duration<double>(length).count();
      const double rate = 2 * static_cast<double>(count) / length_s;
      if (length_s * rate / 2 != static_cast<double>(count)) continue;
      const Profile down = Profile::of_pieces(Pieces{{length, rate, 0}});
      if (down.due_by(kYear) != count) FAIL_CHECK(length_s << " s from " << rate << " a second");
    }
  }
}

TEST_CASE("profile: in a pause nothing is due, and what had accrued of a message stays") {
  const Profile profile =
      Profile::of_pieces(Pieces{{1s, 0, 0}, {1'001ms, 500, 500}, {1h, 0, 0}, {1s, 500, 500}});
  CHECK(profile.when(0) == 1s);
  CHECK(profile.when(500) == 2s);
  CHECK(profile.when(501) == 2'001ms + 1h + 1ms);  // half of it was there before
  CHECK(profile.due_by(1s - 1ns) == 0);
  CHECK(profile.due_by(30min) == 501);
  // One that would be due when the pause begins is due when it ends.
  const Profile whole = Profile::of_pieces(Pieces{{1s, 500, 500}, {1h, 0, 0}, {1s, 10, 10}});
  CHECK(whole.when(499) == 998ms);
  CHECK(whole.when(500) == 1s + 1h);
  CHECK(whole.when(501) == 1s + 1h + 100ms);
}

TEST_CASE("profile: the inverse is exact and due times rise, whatever the pieces") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2'000; ++round) {
    CAPTURE(round);
    const Exact exact{random_pieces(random)};
    const Profile profile = Profile::of_pieces(exact.pieces);
    for (const std::uint64_t n : some_messages(exact, random)) {
      CAPTURE(n);
      const nanoseconds due = profile.when(n);
      if (n > 0 && profile.when(n - 1) > due) FAIL_CHECK("falls");
      if (due == Profile::kNever) continue;
      if (profile.due_by(due) <= n) FAIL_CHECK("due, but not counted");
      if (profile.due_by(due - 1ns) > n) FAIL_CHECK("counted, but not due");
      if (profile.rate_at(due) == 0 && profile.rate_at(due + 1ns) == 0) FAIL_CHECK("in a pause");
    }
    nanoseconds end{0};
    for (const auto& piece : exact.pieces) {
      for (const nanoseconds t : {end - 1ns, end, end + piece.length / 2})
        check_inverse(profile, t);
      end += piece.length;
    }
    check_inverse(profile, end);
  }
}

TEST_CASE("profile: no message is a nanosecond, or what a double cannot hold, off the integral") {
  std::mt19937_64 random(4);
  for (int round = 0; round < 2'000; ++round) {
    CAPTURE(round);
    const Exact exact{random_pieces(random)};
    const Profile profile = Profile::of_pieces(exact.pieces);
    const long double total = exact.messages(exact.length());
    for (const std::uint64_t n : some_messages(exact, random)) {
      const nanoseconds due = profile.when(n);
      if (due == Profile::kNever) continue;
      const long double count = n;
      const long double chance = 1e-15L * std::max(total, count);
      const long double early = count - exact.messages(due + 1ns);
      // What comes in the last nanosecond of a piece may be rounded into the next, if that is slow.
      long double reached = count;
      nanoseconds end{0};
      for (const auto& piece : exact.pieces) {
        end += piece.length;
        if (exact.messages(end - 1ns) > reached) break;
        reached = std::max(reached, exact.messages(end));
      }
      const long double late = exact.messages(std::max(0ns, due - 1ns)) - reached;
      if (early <= chance && late <= chance) continue;
      CAPTURE(n);
      CHECK(static_cast<double>(early) <= static_cast<double>(chance));
      CHECK(static_cast<double>(late) <= static_cast<double>(chance));
    }
    for (int i = 0; i < 20; ++i) {
      const auto bound = static_cast<std::uint64_t>(exact.length().count() + 1'000'000'000);
      const nanoseconds t(static_cast<std::int64_t>(random() % bound));
      const long double off = std::abs(profile.messages(t) - exact.messages(t));
      if (off > 1e-15L * std::max(total, exact.messages(t))) {
        FAIL_CHECK("messages: off by " << static_cast<double>(off));
      }
    }
  }
}

TEST_CASE("profile: a change keeps the past and the fraction of a message") {
  const Profile even = Profile::constant(500).changed_at(3ms - 1ns, 100);
  CHECK(even.when(0) == 0ms);
  CHECK(even.when(1) == 2ms);
  CHECK(even.when(2) == 8ms);  // half a message had accrued
  CHECK(even.when(3) == 18ms);
  // What is due at the very instant stays due.
  CHECK(Profile::constant(500).changed_at(4ms, 0).when(2) == 4ms);
  CHECK(Profile::constant(500).changed_at(4ms, 0).when(3) == Profile::kNever);
  CHECK(Profile::constant(500).changed_at(-1ns, 10).when(1) == 100ms);
  // A pause, and on as before: all is later by its length.
  const Profile paused = Profile::constant(500).changed_at(3ms, 0).changed_at(1s + 3ms, 500);
  CHECK(paused.when(1) == 2ms);
  CHECK(paused.when(2) == 1s + 4ms);
  CHECK(paused.when(502) == 2s + 4ms);

  std::mt19937_64 random(5);
  for (int round = 0; round < 2'000; ++round) {
    CAPTURE(round);
    const Exact exact{random_pieces(random)};
    const Profile before = Profile::of_pieces(exact.pieces);
    const auto bound = static_cast<std::uint64_t>(exact.length().count() + 1'000);
    nanoseconds t(static_cast<std::int64_t>(random() % bound));
    if (round % 2 == 0) {  // just when a message is due
      t = std::min(t, before.when(before.due_by(t)));
    }
    const double rate = random_rate(random);
    const Profile after = before.changed_at(t, rate);
    CHECK(after.rate_at(t) == before.rate_at(t));
    CHECK(after.rate_at(t + 1ns) == rate);
    CHECK(after.messages(t) == before.messages(t));
    const std::uint64_t due = before.due_by(t);
    CHECK(after.due_by(t) == due);
    for (int i = 0; i < 50 && due > 0; ++i) {
      const std::uint64_t n =
          i < 5 && due > 5 ? due - 1 - static_cast<std::uint64_t>(i) : random() % due;
      if (after.when(n) != before.when(n)) FAIL_CHECK("message " << n << " of " << due << " moved");
    }
    for (std::uint64_t n = due > 3 ? due - 3 : 0; n < due + 3; ++n) {
      CHECK(after.when(n) <= after.when(n + 1));
    }
    check_inverse(after, t);
    check_inverse(after, t + 1ns);
    check_inverse(after, t + 1s);
    // The sum goes on from where it was.
    const long double sum = exact.messages(t + 1ns) + static_cast<long double>(rate);
    const auto off = static_cast<double>(std::abs(after.messages(t + 1ns + 1s) - sum));
    CHECK(off <= 1e-15 * std::max(static_cast<double>(sum),
                                  static_cast<double>(exact.messages(exact.length()))));
  }
}

TEST_CASE("profile: how long so many messages take, and their mean rate") {
  const Profile even = Profile::constant(333.3);
  CHECK(even.length_s(1'000) == 1'000 / 333.3);  // to the last bit
  CHECK(even.due_s(1'000) == 1'000 / 333.3);
  CHECK(even.mean_rate(0) == 333.3);
  CHECK(even.mean_rate(7) == 333.3);

  const Profile paused =
      Profile::of_pieces(Pieces{{1s, 500, 500}, {2s, 0, 0}, {1s, 100, 100}, {0s, 100, 0}});
  CHECK(paused.length_s(0) == 0);
  CHECK(paused.length_s(500) == 1);
  CHECK(paused.due_s(500) == 3);
  CHECK(paused.length_s(550) == doctest::Approx(3.5));
  CHECK(paused.length_s(600) == 4);
  CHECK(paused.length_s(601) == 4);  // which never accrue
  CHECK(paused.mean_rate(600) == 150);
  CHECK(paused.mean_rate(0) == 500);

  const Profile ramps = Profile::of_pieces(Pieces{{10s, 0, 500}, {10s, 500, 0}});
  CHECK(ramps.length_s(100) == doctest::Approx(2));
  CHECK(ramps.length_s(2'500) == 10);
  CHECK(ramps.due_s(4'900) == doctest::Approx(18));
  CHECK(ramps.length_s(5'000) == 20);
  CHECK(ramps.mean_rate(5'000) == 250);
  CHECK(ramps.mean_rate(0) == 0);
}
