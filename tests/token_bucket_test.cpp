#include "limiter/token_bucket.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "support/fake_clock.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

// A bucket that has been started on a clock that stands still.
struct Fixture {
  explicit Fixture(double per_second, nanoseconds duration = 10s, TokenBucket::Limits limits = {},
                   std::optional<std::uint64_t> count = std::nullopt)
      : bucket(Schedule(Profile::constant(per_second), duration, count), limits, clock) {
    bucket.start(start);
  }

  std::vector<Ticket> take(std::size_t most = 256, const std::stop_token& stop = {}) {
    std::vector<Ticket> tickets(most);
    tickets.resize(bucket.acquire(tickets, stop));
    return tickets;
  }

  FakeClock clock;
  const TimePoint start = clock.now();
  TokenBucket bucket;
};

std::vector<std::uint64_t> sequences(const std::vector<Ticket>& tickets) {
  std::vector<std::uint64_t> list;
  for (const Ticket& ticket : tickets) list.push_back(ticket.sequence);
  return list;
}

using Sequences = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("limiter: the first ticket is due at once, the next one an interval later") {
  Fixture f(500);
  const auto first = f.take();
  REQUIRE(first.size() == 1);
  CHECK(first[0].sequence == 0);
  CHECK(first[0].due == f.start);

  std::vector<Ticket> second;
  std::jthread producer([&] { second = f.take(); });
  f.clock.await_sleepers(1);
  f.clock.advance(1999us);
  f.clock.await_sleepers(1);  // still asleep
  f.clock.advance(1us);
  producer.join();
  REQUIRE(second.size() == 1);
  CHECK(second[0].sequence == 1);
  CHECK(second[0].due == f.start + 2ms);
}

TEST_CASE("limiter: all tickets that are due are handed out together, up to the room for them") {
  Fixture f(1000);
  f.clock.advance(9ms);
  CHECK(sequences(f.take(4)) == Sequences{0, 1, 2, 3});
  CHECK(sequences(f.take(100)) == Sequences{4, 5, 6, 7, 8, 9});
}

TEST_CASE("limiter: a late producer moves no due time") {
  Fixture f(1000);
  f.clock.advance(5s);
  const auto late = f.take(5001);
  REQUIRE(late.size() == 5001);
  for (const Ticket& ticket : late) {
    REQUIRE(ticket.due == f.start + std::chrono::milliseconds(ticket.sequence));
  }
}

TEST_CASE("limiter: exactly rate x duration tickets, and then none for good") {
  for (const double rate : {1.0, 500.0, 333.3, 10'000.0}) {
    CAPTURE(rate);
    Fixture f(rate);
    f.clock.advance(1h);
    std::uint64_t total = 0;
    for (auto got = f.take(); !got.empty(); got = f.take()) total += got.size();
    CHECK(total == static_cast<std::uint64_t>(rate * 10));
    CHECK(f.take().empty());
    f.bucket.close();
    CHECK(f.bucket.totals().scheduled == total);
    CHECK(f.bucket.totals().skipped == 0);
  }
}

TEST_CASE("limiter: --burst keeps the newest overdue tickets and skips the others") {
  Fixture f(1000, 10s, {.burst = 3, .max_lag = {}});
  f.clock.advance(9ms);  // 0..9 are due
  CHECK(sequences(f.take()) == Sequences{7, 8, 9});
  f.clock.advance(3ms);  // 10, 11, 12: no more than may wait
  CHECK(sequences(f.take()) == Sequences{10, 11, 12});
  f.bucket.close();
  CHECK(f.bucket.totals().scheduled == 13);
  CHECK(f.bucket.totals().skipped == 7);
}

TEST_CASE("limiter: --max-lag skips what is later than it, and keeps what is just as late") {
  Fixture f(1000, 10s, {.burst = {}, .max_lag = 4ms});
  f.clock.advance(9ms);
  CHECK(sequences(f.take()) == Sequences{5, 6, 7, 8, 9});
  f.bucket.close();
  CHECK(f.bucket.totals().skipped == 5);
}

TEST_CASE("limiter: --max-lag holds for a ticket whose sleeper woke too late") {
  Fixture f(1000, 10s, {.burst = {}, .max_lag = 4ms});
  CHECK(sequences(f.take()) == Sequences{0});
  std::vector<Ticket> next;
  std::jthread producer([&] { next = f.take(1); });
  f.clock.await_sleepers(1);  // reserved ticket 1
  f.clock.advance(20ms);
  producer.join();
  CHECK(sequences(next) == Sequences{16});
  f.bucket.close();
  CHECK(f.bucket.totals().scheduled == 21);
  CHECK(f.bucket.totals().skipped == 15 + 4);  // 1..15 and, at the close, 17..20
}

TEST_CASE("limiter: close wakes every sleeper, and what was not due yet was never scheduled") {
  Fixture f(500);
  CHECK(f.take().size() == 1);
  std::atomic<int> empty{0};
  std::vector<std::jthread> producers;
  for (int i = 0; i < 64; ++i) {
    producers.emplace_back([&] { empty += f.take().empty() ? 1 : 0; });
  }
  f.clock.await_sleepers(64);
  f.bucket.close();
  producers.clear();
  CHECK(empty == 64);
  CHECK(f.bucket.totals().scheduled == 1);
  CHECK(f.bucket.totals().skipped == 0);
}

TEST_CASE("limiter: tickets that follow closely are slept for together, until the last is due") {
  Fixture f(100'000);  // one each 10 us
  CHECK(f.take().size() == 1);
  std::vector<Ticket> close_by;
  std::jthread producer([&] { close_by = f.take(); });
  f.clock.await_sleepers(1);
  f.clock.advance(109us);
  f.clock.await_sleepers(1);  // still asleep
  f.clock.advance(1us);
  producer.join();
  CHECK(sequences(close_by) == Sequences{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  for (const Ticket& ticket : close_by) CHECK(ticket.due <= f.clock.now());
}

TEST_CASE("limiter: with a bound on lag each ticket is slept for alone") {
  Fixture f(100'000, 10s, {.burst = std::nullopt, .max_lag = 1ms});
  CHECK(f.take().size() == 1);
  std::vector<Ticket> next;
  std::jthread producer([&] { next = f.take(); });
  f.clock.await_sleepers(1);
  f.clock.advance(10us);
  producer.join();
  CHECK(sequences(next) == Sequences{1});
}

TEST_CASE("limiter: of tickets slept for together, close leaves those whose time had come") {
  Fixture f(100'000);
  CHECK(f.take().size() == 1);
  std::vector<Ticket> close_by;
  std::jthread producer([&] { close_by = f.take(); });
  f.clock.await_sleepers(1);
  f.clock.advance(50us);
  f.clock.await_sleepers(1);
  f.bucket.close();
  producer.join();
  CHECK(sequences(close_by) == Sequences{1, 2, 3, 4, 5});
  CHECK(f.bucket.totals().scheduled == 6);
  CHECK(f.bucket.totals().skipped == 0);
}

TEST_CASE(
    "limiter: a faster rate wakes producers that sleep for a ticket, which is now due earlier") {
  Fixture f(1);
  CHECK(f.take().size() == 1);
  std::vector<Ticket> next;
  std::jthread producer([&] { next = f.take(); });
  f.clock.await_sleepers(1);
  f.clock.advance(500ms);
  f.bucket.change_rate(100);  // half a message has accrued: the other half takes 5 ms
  f.clock.await_sleepers(1);
  f.clock.advance(5ms);
  f.clock.await_sleepers(1);  // its half began a nanosecond after the change
  f.clock.advance(1ns);
  producer.join();
  REQUIRE(sequences(next) == Sequences{1});
  CHECK(next[0].due == f.start + 505ms + 1ns);
  f.clock.advance(20ms);
  CHECK(sequences(f.take()) == Sequences{2, 3});
  f.bucket.close();
  CHECK(f.bucket.totals().scheduled == 4);
  CHECK(f.bucket.totals().skipped == 0);
}

TEST_CASE("limiter: a slower rate lets producers that sleep for a ticket sleep longer") {
  Fixture f(100);
  CHECK(f.take().size() == 1);
  std::vector<Ticket> next;
  std::jthread producer([&] { next = f.take(); });
  f.clock.await_sleepers(1);
  f.clock.advance(5ms - 1ns);
  f.bucket.change_rate(1);
  f.clock.await_sleepers(1);
  f.clock.advance(500ms);
  f.clock.await_sleepers(1);
  f.clock.advance(1ns);
  producer.join();
  REQUIRE(sequences(next) == Sequences{1});
  CHECK(next[0].due == f.start + 505ms);
}

TEST_CASE("limiter: of tickets slept for together, a change leaves those whose time had come") {
  Fixture f(100'000);
  CHECK(f.take().size() == 1);
  std::vector<Ticket> close_by;
  std::jthread producer([&] { close_by = f.take(); });  // 1..11
  f.clock.await_sleepers(1);
  f.clock.advance(50us);
  f.clock.await_sleepers(1);
  f.bucket.change_rate(1);
  producer.join();  // those 5 do not wait for the others
  CHECK(sequences(close_by) == Sequences{1, 2, 3, 4, 5});
  f.clock.advance(1s + 1ns);
  CHECK(sequences(f.take()) == Sequences{6});
  f.bucket.close();
  CHECK(f.bucket.totals().scheduled == 7);
  CHECK(f.bucket.totals().skipped == 0);
}

TEST_CASE("limiter: a pause lasts until the rate is changed again") {
  Fixture f(1000);
  CHECK(f.take().size() == 1);
  std::vector<Ticket> next;
  std::jthread producer([&] { next = f.take(); });
  f.clock.await_sleepers(1);
  f.bucket.change_rate(0);
  f.clock.await_sleepers(1);
  f.clock.advance(3s);
  f.clock.await_sleepers(1);
  f.bucket.change_rate(1000);
  f.clock.await_sleepers(1);
  f.clock.advance(1ms);
  producer.join();
  REQUIRE(sequences(next) == Sequences{1});
  CHECK(next[0].due == f.start + 3s + 1ms);
  CHECK(f.bucket.schedule().size() == 7'000);  // nothing was due for 3 s of 10
  CHECK(f.bucket.schedule().profile()->rate_at(1s) == 0);
}

TEST_CASE("limiter: close ends a pause, and what it held back was never scheduled") {
  for (const nanoseconds duration : {nanoseconds(10s), nanoseconds(0)}) {
    CAPTURE(duration.count());
    Fixture f(1000, duration);
    f.clock.advance(9ms);
    CHECK(f.take(4).size() == 4);
    f.bucket.change_rate(0);
    f.clock.advance(1s);
    CHECK(sequences(f.take()) == Sequences{4, 5, 6, 7, 8, 9});  // were due before the pause
    std::atomic<int> empty{0};
    std::vector<std::jthread> producers;
    for (int i = 0; i < 8; ++i) {
      producers.emplace_back([&] { empty += f.take().empty() ? 1 : 0; });
    }
    f.clock.await_sleepers(8);
    f.bucket.close();
    producers.clear();
    CHECK(empty == 8);
    f.clock.advance(1s);
    f.bucket.change_rate(1000);  // has no effect any more
    CHECK(f.bucket.schedule().profile()->rate_at(1h) == 0);
    CHECK(f.take().empty());
    CHECK(f.bucket.totals().scheduled == 10);
    CHECK(f.bucket.totals().skipped == 0);
  }
}

TEST_CASE("limiter: a pause to the schedule's end is over there") {
  Fixture f(1000);
  CHECK(f.take().size() == 1);
  f.bucket.change_rate(0);
  std::atomic<int> empty{0};
  std::vector<std::jthread> producers;
  for (int i = 0; i < 8; ++i) producers.emplace_back([&] { empty += f.take().empty() ? 1 : 0; });
  f.clock.await_sleepers(8);
  f.clock.advance(10s - 1ns);
  f.clock.await_sleepers(8);
  CHECK(empty == 0);
  f.clock.advance(1ns);
  producers.clear();
  CHECK(empty == 8);
}

TEST_CASE("limiter: a rate that is changed before the start is the rate from the start on") {
  FakeClock clock;
  TokenBucket bucket(Schedule(Profile::constant(1), 10s, std::nullopt), {}, clock);
  bucket.change_rate(1000);
  bucket.start(clock.now());
  clock.advance(2ms);
  std::array<Ticket, 8> tickets;
  CHECK(bucket.acquire(tickets, {}) == 3);
}

TEST_CASE("limiter: --burst and --max-lag hold across a change") {
  Fixture burst(1000, 10s, {.burst = 3, .max_lag = {}});
  burst.clock.advance(9ms);
  burst.bucket.change_rate(100);
  burst.clock.advance(10ms + 1ns);
  CHECK(sequences(burst.take()) == Sequences{8, 9, 10});
  burst.bucket.close();
  CHECK(burst.bucket.totals().scheduled == 11);
  CHECK(burst.bucket.totals().skipped == 8);
  Fixture lag(1000, 10s, {.burst = {}, .max_lag = 4ms});
  lag.clock.advance(9ms);
  lag.bucket.change_rate(0);
  lag.clock.advance(1ms);
  CHECK(sequences(lag.take()) == Sequences{6, 7, 8, 9});
  lag.bucket.close();
  CHECK(lag.bucket.totals().scheduled == 10);
  CHECK(lag.bucket.totals().skipped == 6);
}

TEST_CASE("limiter: --max-lag holds for a sleeper that wakes too late just when the rate changes") {
  for (int round = 0; round < 200; ++round) {  // whichever of both comes first
    Fixture f(1000, 10s, {.burst = {}, .max_lag = 4ms});
    CHECK(f.take().size() == 1);
    std::vector<Ticket> next;
    std::jthread producer([&] { next = f.take(1); });
    f.clock.await_sleepers(1);  // reserved ticket 1
    f.clock.advance(20ms);
    f.bucket.change_rate(1);
    producer.join();
    REQUIRE(sequences(next) == Sequences{16});
    f.bucket.close();
    REQUIRE(f.bucket.totals().scheduled == 21);
    REQUIRE(f.bucket.totals().skipped == 15 + 4);
  }
}

TEST_CASE("limiter: close counts overdue tickets that no producer took as skipped") {
  Fixture f(1000);
  f.clock.advance(9ms);
  CHECK(f.take(4).size() == 4);
  f.bucket.close();
  CHECK(f.take().empty());
  CHECK(f.bucket.totals().scheduled == 10);
  CHECK(f.bucket.totals().skipped == 6);
  f.bucket.close();  // again changes nothing
  CHECK(f.bucket.totals().skipped == 6);
}

TEST_CASE("limiter: closed before its start, it schedules nothing") {
  FakeClock clock;
  TokenBucket bucket(Schedule(Profile::constant(500), 10s, std::nullopt), {}, clock);
  bucket.close();
  clock.advance(1s);
  bucket.start(clock.now());
  std::array<Ticket, 4> tickets;
  CHECK(bucket.acquire(tickets, {}) == 0);
  CHECK(bucket.totals().scheduled == 0);
  CHECK(bucket.totals().skipped == 0);
}

TEST_CASE("limiter: without a pace every ticket is due when it is taken, until the time is up") {
  FakeClock clock;
  TokenBucket bucket(Schedule(std::nullopt, 10s, std::nullopt), {}, clock);
  bucket.start(clock.now());
  std::array<Ticket, 8> tickets;
  REQUIRE(bucket.acquire(tickets, {}) == 8);
  CHECK(tickets[7].due == clock.now());
  clock.advance(10s - 1ns);
  REQUIRE(bucket.acquire(tickets, {}) == 8);
  CHECK(tickets[0].sequence == 8);
  clock.advance(1ns);
  CHECK(bucket.acquire(tickets, {}) == 0);
  bucket.close();
  CHECK(bucket.totals().scheduled == 16);
}

TEST_CASE("limiter: without a pace a count ends the schedule exactly") {
  FakeClock clock;
  TokenBucket bucket(Schedule(std::nullopt, 0s, 10), {}, clock);
  bucket.start(clock.now());
  std::array<Ticket, 8> tickets;
  CHECK(bucket.acquire(tickets, {}) == 8);
  CHECK(bucket.acquire(tickets, {}) == 2);
  CHECK(bucket.acquire(tickets, {}) == 0);
}

TEST_CASE("limiter: many producers share the tickets, each is handed out once") {
  // Real threads on a clock that jumps: whatever the interleaving, nothing is doubled or missing.
  FakeClock clock;
  constexpr std::uint64_t kTotal = 100'000;
  TokenBucket bucket(Schedule(Profile::constant(1e6), 0s, kTotal), {}, clock);
  bucket.start(clock.now());
  std::vector<std::vector<std::uint64_t>> taken(8);
  {
    std::vector<std::jthread> producers;
    for (auto& mine : taken) {
      producers.emplace_back([&] {
        std::array<Ticket, 64> tickets;
        while (const std::size_t count = bucket.acquire(tickets, {})) {
          for (std::size_t i = 0; i < count; ++i) mine.push_back(tickets[i].sequence);
        }
      });
    }
    for (int step = 0; step < 100; ++step) clock.advance(1ms + 1us);
  }
  std::vector<std::uint64_t> all;
  for (const auto& mine : taken) {
    CHECK(std::is_sorted(mine.begin(), mine.end()));
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::sort(all.begin(), all.end());
  REQUIRE(all.size() == kTotal);
  for (std::uint64_t i = 0; i < kTotal; ++i) REQUIRE(all[i] == i);
}

TEST_CASE("limiter: what a producer that is stopped had reserved goes to another in time") {
  Fixture f(1);
  CHECK(sequences(f.take()) == Sequences{0});
  std::stop_source stop;
  std::vector<Ticket> first{{99, {}}};
  std::jthread stopped([&] { first = f.take(256, stop.get_token()); });
  f.clock.await_sleepers(1);  // for ticket 1
  std::vector<Ticket> second;
  std::jthread other([&] { second = f.take(); });
  f.clock.await_sleepers(2);  // for ticket 2
  stop.request_stop();
  stopped.join();
  CHECK(first.empty());
  f.clock.advance(1s);
  other.join();
  REQUIRE(sequences(second) == Sequences{1});
  CHECK(second[0].due == f.start + 1s);
  CHECK(f.take(256, stop.get_token()).empty());  // it takes no more
  f.bucket.close();
  CHECK(f.bucket.totals().scheduled == 2);
  CHECK(f.bucket.totals().skipped == 0);
}

TEST_CASE("limiter: a reserved ticket that is given back finds a producer, though none was left") {
  Fixture f(1, 10s, {}, 2);
  CHECK(sequences(f.take()) == Sequences{0});
  std::stop_source stop;
  std::vector<Ticket> first;
  std::jthread stopped([&] { first = f.take(256, stop.get_token()); });
  f.clock.await_sleepers(1);  // for ticket 1, the last one
  std::vector<Ticket> second;
  std::jthread other([&] { second = f.take(); });
  f.clock.await_sleepers(2);  // there is nothing left, but what is reserved may come back
  stop.request_stop();
  stopped.join();
  f.clock.advance(1s);
  other.join();
  CHECK(sequences(second) == Sequences{1});
  CHECK(f.take().empty());
}

TEST_CASE("limiter: however the rate changes, each ticket is taken once or skipped, and in time") {
  // Real threads on a clock that jumps, while the rate goes up and down and pauses, and producers
  // are stopped and come back.
  constexpr double kRates[] = {1e6, 0, 300, 1e5, 1, 5e6, 0, 0, 2e4, 1e6};
  for (const bool with_lag : {false, true}) {
    CAPTURE(with_lag);
    TokenBucket::Limits limits;
    if (with_lag) limits.max_lag = 1ms;
    Fixture f(1e5, 0s, limits);
    std::vector<std::vector<Ticket>> taken(8);
    std::mutex mutex;
    std::vector<std::stop_source> stops(taken.size());  // guarded by mutex
    std::atomic<bool> closed{false};
    {
      std::vector<std::jthread> producers;
      for (std::size_t i = 0; i < taken.size(); ++i) {
        producers.emplace_back([&, i] {
          std::array<Ticket, 64> tickets;
          auto& mine = taken[i];
          while (!closed) {
            std::stop_token stop;
            {
              const std::lock_guard lock(mutex);
              stops[i] = {};
              stop = stops[i].get_token();
            }
            while (const std::size_t count = f.bucket.acquire(tickets, stop)) {
              mine.insert(mine.end(), tickets.begin(), tickets.begin() + static_cast<long>(count));
            }
          }
        });
      }
      for (int step = 0; step < 500; ++step) {
        f.clock.advance(step % 7 * 10us);
        f.bucket.change_rate(kRates[static_cast<std::size_t>(step) % std::size(kRates)]);
        const std::lock_guard lock(mutex);
        stops[static_cast<std::size_t>(step) * 5 % stops.size()].request_stop();
      }
      f.clock.advance(100us);
      closed = true;
      f.bucket.close();
    }
    const Schedule& schedule = f.bucket.schedule();
    std::vector<std::uint64_t> all;
    for (const auto& mine : taken) {
      for (const Ticket& ticket : mine) {
        all.push_back(ticket.sequence);
        if (ticket.due != f.start + schedule.offset(ticket.sequence)) {
          FAIL_CHECK("ticket " << ticket.sequence << " has another due time than the schedule");
        }
      }
    }
    std::sort(all.begin(), all.end());
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
    const TokenBucket::Totals totals = f.bucket.totals();
    CHECK(totals.scheduled > 1'000);
    CHECK(totals.scheduled == all.size() + totals.skipped);
    if (!all.empty()) CHECK(all.back() < totals.scheduled);
  }
}
