// The contract of channel/channel.h, run over every kind of channel.

#include "channel/channel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "channel/make_channel.h"
#include "support/allocations.h"
#include "support/fake_clock.h"
#include "support/full_files.h"
#include "support/sql.h"
#include "support/temp_dir.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

// A channel and what it stands on.
struct Made {
  std::unique_ptr<TempDir> directory;
  std::unique_ptr<Spool> spool;
  std::unique_ptr<Custody> custody;
  std::unique_ptr<Channel> channel;

  Channel* operator->() const { return channel.get(); }
  Channel& operator*() const { return *channel; }
};

Made make(
    std::size_t capacity, OnFull policy, Clock& clock, bool on_disk,
    std::function<bool()> target_is_down = [] { return false; }) {
  Made made;
  if (on_disk) {
    made.directory = std::make_unique<TempDir>();
    made.spool = std::make_unique<Spool>(made.directory->file("spool"), clock);
  }
  made.custody = std::make_unique<Custody>(made.spool.get(), SpooledRun{.run_id = 1});
  made.channel = make_channel({.capacity = capacity,
                               .on_full = policy,
                               .clock = clock,
                               .custody = *made.custody,
                               .target_is_down = std::move(target_is_down)});
  return made;
}

struct MemoryKind {
  static Made make(std::size_t capacity, OnFull policy, Clock& clock) {
    return ::make(capacity, policy, clock, false);
  }
  static constexpr std::uint64_t kMany = 20'000;
};

struct DurableKind {
  static Made make(std::size_t capacity, OnFull policy, Clock& clock) {
    return ::make(capacity, policy, clock, true);
  }
  static constexpr std::uint64_t kMany = 1'000;  // each push waits for the disk
};

// Has one policy, its own, and is never full.
struct SpillKind {
  static Made make(std::size_t capacity, OnFull /*policy*/, Clock& clock) {
    return ::make(capacity, OnFull::kSpill, clock, true);
  }
  static constexpr std::uint64_t kMany = 1'000;
};

std::vector<Message> messages(std::uint64_t first, std::size_t count) {
  std::vector<Message> batch(count);
  for (std::size_t i = 0; i < count; ++i) {
    batch[i].sequence = first + i;
    batch[i].text = "text " + std::to_string(first + i);
  }
  return batch;
}

PushResult push(Channel& channel, std::uint64_t first, std::size_t count) {
  auto batch = messages(first, count);
  return channel.push(batch);
}

std::vector<std::uint64_t> pop(Channel& channel, std::size_t most,
                               std::optional<TimePoint> deadline = std::nullopt,
                               const std::stop_token& stop = {}) {
  std::vector<Message> out(most);
  out.resize(channel.pop(out, deadline, stop));
  std::vector<std::uint64_t> list;
  for (const Message& message : out) {
    CHECK(message.text == "text " + std::to_string(message.sequence));
    list.push_back(message.sequence);
  }
  return list;
}

void wait_for(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::yield();
}

using Sequences = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE_TEMPLATE("channel: first in, first out, over the end of the ring too", Kind, MemoryKind,
                   DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(4, OnFull::kBlock, clock);
  for (std::uint64_t first = 0; first < 12; first += 3) {
    const PushResult pushed = push(*channel, first, 3);
    CHECK(pushed.status == PushStatus::kDone);
    CHECK(pushed.accepted == 3);
    CHECK(pop(*channel, 2) == Sequences{first, first + 1});
    CHECK(pop(*channel, 2) == Sequences{first + 2});
  }
}

TEST_CASE_TEMPLATE("channel: the steady state allocates nothing", Kind, MemoryKind) {
  FakeClock clock;
  const auto channel = Kind::make(2, OnFull::kBlock, clock);
  std::vector<Message> producer(2);
  std::vector<Message> consumer(2);
  const auto lap = [&] {
    for (Message& message : producer) message.text.assign(64, 'x');
    CHECK(channel->push(producer).accepted == 2);
    CHECK(channel->pop(consumer, std::nullopt, {}) == 2);
  };
  for (int i = 0; i < 3; ++i) lap();  // now every buffer there will ever be exists
  const std::size_t before = allocations();
  for (int i = 0; i < 30; ++i) lap();
  CHECK(allocations() == before);
}

TEST_CASE_TEMPLATE("channel: push after close fails and keeps the message", Kind, MemoryKind,
                   DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(4, OnFull::kBlock, clock);
  channel->close();
  auto batch = messages(7, 1);
  const PushResult pushed = channel->push(batch);
  CHECK(pushed.status == PushStatus::kClosed);
  CHECK(pushed.accepted == 0);
  CHECK(batch[0].sequence == 7);
  CHECK(batch[0].text == "text 7");
}

TEST_CASE_TEMPLATE("channel: after close what is left is handed out, then nothing", Kind,
                   MemoryKind, DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(4, OnFull::kBlock, clock);
  CHECK(push(*channel, 0, 3).accepted == 3);
  channel->close();
  channel->close();  // again changes nothing
  CHECK_FALSE(channel->finished());
  CHECK(pop(*channel, 2) == Sequences{0, 1});
  CHECK(pop(*channel, 2, clock.now() + 1h) == Sequences{2});  // no use in waiting for more
  CHECK(channel->finished());
  CHECK(pop(*channel, 2).empty());
  CHECK(pop(*channel, 2, clock.now() + 1h).empty());
}

TEST_CASE_TEMPLATE(
    "channel: a full channel blocks a pusher until there is room, and counts the "
    "time",
    Kind, MemoryKind, DurableKind) {
  FakeClock clock;
  const auto channel = Kind::make(2, OnFull::kBlock, clock);
  std::atomic<std::size_t> accepted{0};
  std::jthread pusher([&] { accepted = push(*channel, 0, 5).accepted; });
  wait_for([&] { return channel->stats().depth == 2; });
  Sequences all;
  while (all.size() < 5) {
    for (const auto sequence : pop(*channel, 1)) all.push_back(sequence);
  }
  pusher.join();
  CHECK(accepted == 5);
  CHECK(all == Sequences{0, 1, 2, 3, 4});
}

TEST_CASE_TEMPLATE("channel: close wakes blocked pushers, who keep what was not accepted", Kind,
                   MemoryKind, DurableKind) {
  FakeClock clock;
  const auto channel = Kind::make(2, OnFull::kBlock, clock);
  CHECK(push(*channel, 0, 2).accepted == 2);
  std::vector<PushResult> results(8);
  std::atomic<int> kept{0};
  {
    std::vector<std::jthread> pushers;
    for (std::size_t i = 0; i < results.size(); ++i) {
      pushers.emplace_back([&, i] {
        auto batch = messages(100 + i, 1);
        results[i] = channel->push(batch);
        kept += batch[0].sequence == 100 + i ? 1 : 0;
      });
    }
    channel->close();
  }
  CHECK(kept == 8);
  for (const PushResult& result : results) {
    CHECK(result.status == PushStatus::kClosed);
    CHECK(result.accepted == 0);
  }
}

TEST_CASE_TEMPLATE("channel: close wakes everyone who waits for a message", Kind, MemoryKind,
                   DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(2, OnFull::kBlock, clock);
  std::atomic<int> empty{0};
  std::vector<std::jthread> poppers;
  for (int i = 0; i < 4; ++i) {
    poppers.emplace_back([&] { empty += pop(*channel, 1).empty() ? 1 : 0; });
    poppers.emplace_back([&] { empty += pop(*channel, 1, clock.now() + 1h).empty() ? 1 : 0; });
  }
  clock.await_sleepers(4);
  channel->close();
  poppers.clear();
  CHECK(empty == 8);
}

TEST_CASE_TEMPLATE("channel: drop-new drops what does not fit and says how many", Kind, MemoryKind,
                   DurableKind) {
  FakeClock clock;
  const auto channel = Kind::make(3, OnFull::kDropNew, clock);
  const PushResult pushed = push(*channel, 0, 5);
  CHECK(pushed.status == PushStatus::kDone);
  CHECK(pushed.accepted == 3);
  CHECK(pushed.dropped == 2);
  CHECK(push(*channel, 5, 2).dropped == 2);
  CHECK(pop(*channel, 9) == Sequences{0, 1, 2});
}

TEST_CASE_TEMPLATE("channel: drop-old makes room by dropping the oldest", Kind, MemoryKind,
                   DurableKind) {
  FakeClock clock;
  const auto channel = Kind::make(3, OnFull::kDropOld, clock);
  CHECK(push(*channel, 0, 3).dropped == 0);
  const PushResult pushed = push(*channel, 3, 2);
  CHECK(pushed.status == PushStatus::kDone);
  CHECK(pushed.accepted == 2);
  CHECK(pushed.dropped == 2);
  CHECK(pop(*channel, 9) == Sequences{2, 3, 4});
  // A batch larger than the ring: its newest stay, and accepted - dropped is still what is there.
  const PushResult large = push(*channel, 10, 8);
  CHECK(large.accepted == 8);
  CHECK(large.dropped == 5);
  CHECK(pop(*channel, 9) == Sequences{15, 16, 17});
}

TEST_CASE_TEMPLATE("channel: abort reports a full channel and keeps the rest with the caller", Kind,
                   MemoryKind, DurableKind) {
  FakeClock clock;
  const auto channel = Kind::make(3, OnFull::kAbort, clock);
  const PushResult pushed = push(*channel, 0, 5);
  CHECK(pushed.status == PushStatus::kFull);
  CHECK(pushed.accepted == 3);
  CHECK(pushed.dropped == 0);
  CHECK(pop(*channel, 9) == Sequences{0, 1, 2});
}

TEST_CASE_TEMPLATE("channel: pop with a deadline waits to fill, then takes what is there", Kind,
                   MemoryKind, DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(10, OnFull::kBlock, clock);
  CHECK(push(*channel, 0, 2).accepted == 2);
  Sequences got;
  std::jthread popper([&] { got = pop(*channel, 4, clock.now() + 5ms); });
  clock.await_sleepers(1);
  clock.advance(4ms);
  CHECK(push(*channel, 2, 1).accepted == 1);
  clock.await_sleepers(1);  // three of four: it sleeps on
  clock.advance(1ms);
  popper.join();
  CHECK(got == Sequences{0, 1, 2});
}

TEST_CASE_TEMPLATE("channel: pop with a deadline returns as soon as it is filled", Kind, MemoryKind,
                   DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(10, OnFull::kBlock, clock);
  Sequences got;
  std::jthread popper([&] { got = pop(*channel, 4, clock.now() + 1h); });
  clock.await_sleepers(1);
  CHECK(push(*channel, 0, 6).accepted == 6);
  popper.join();
  CHECK(got == Sequences{0, 1, 2, 3});
}

TEST_CASE_TEMPLATE(
    "channel: pop with a deadline returns when the channel is full, however much "
    "it wants",
    Kind, MemoryKind, DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(3, OnFull::kBlock, clock);
  Sequences got;
  std::jthread popper([&] { got = pop(*channel, 500, clock.now() + 1h); });
  clock.await_sleepers(1);
  CHECK(push(*channel, 0, 3).accepted == 3);
  popper.join();
  CHECK(got == Sequences{0, 1, 2});
}

TEST_CASE_TEMPLATE("channel: a begun batch fills before another is begun", Kind, MemoryKind,
                   DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(100, OnFull::kBlock, clock);
  Sequences filling;
  Sequences fresh;
  std::jthread first([&] { filling = pop(*channel, 4, clock.now() + 5ms); });
  clock.await_sleepers(1);
  std::jthread second([&] { fresh = pop(*channel, 4); });
  for (std::uint64_t i = 0; i < 3; ++i) CHECK(push(*channel, i, 1).accepted == 1);
  CHECK(channel->stats().depth == 3);  // nobody has taken one
  clock.advance(5ms);
  first.join();
  CHECK(filling == Sequences{0, 1, 2});
  CHECK(push(*channel, 3, 1).accepted == 1);
  second.join();
  CHECK(fresh == Sequences{3});
}

TEST_CASE_TEMPLATE("channel: what a filled batch leaves wakes the next consumer", Kind, MemoryKind,
                   DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(100, OnFull::kBlock, clock);
  std::atomic<std::size_t> total{0};
  {
    std::vector<std::jthread> poppers;
    poppers.emplace_back([&] { total += pop(*channel, 4, clock.now() + 1h).size(); });
    clock.await_sleepers(1);
    for (int i = 0; i < 3; ++i) poppers.emplace_back([&] { total += pop(*channel, 2).size(); });
    CHECK(push(*channel, 0, 10).accepted == 10);
  }  // would never join if one of them slept on
  CHECK(total == 10);
}

TEST_CASE_TEMPLATE("channel: depth is measured at its highest and over time", Kind, MemoryKind,
                   DurableKind, SpillKind) {
  FakeClock clock;
  const auto channel = Kind::make(100, OnFull::kBlock, clock);
  clock.advance(1s);  // 0 for a second
  CHECK(push(*channel, 0, 10).accepted == 10);
  clock.advance(1s);  // 10 for a second
  CHECK(pop(*channel, 6).size() == 6);
  clock.advance(2s);  // 4 for two seconds
  const ChannelStats stats = channel->stats();
  CHECK(stats.capacity == 100);
  CHECK(stats.depth == 4);
  CHECK(stats.depth_max == 10);
  CHECK(stats.depth_mean == doctest::Approx((0 + 10 + 8) / 4.0));
  CHECK(stats.blocked == 0ns);
}

TEST_CASE_TEMPLATE("channel: the time pushers are blocked is measured", Kind, MemoryKind,
                   DurableKind) {
  FakeClock clock;
  const auto channel = Kind::make(1, OnFull::kBlock, clock);
  std::jthread pusher([&] { CHECK(push(*channel, 0, 2).accepted == 2); });
  // Between the first message and its wait for room the pusher does not let go of the channel.
  wait_for([&] { return channel->stats().depth == 1; });
  clock.advance(3s);
  CHECK(pop(*channel, 1) == Sequences{0});
  pusher.join();
  CHECK(channel->stats().blocked == 3s);
}

TEST_CASE_TEMPLATE("channel: under many threads nothing is lost, doubled or reordered", Kind,
                   MemoryKind, DurableKind, SpillKind) {
  SteadyClock clock;
  const auto channel = Kind::make(37, OnFull::kBlock, clock);
  constexpr std::uint64_t kPushers = 6;
  constexpr std::uint64_t kEach = Kind::kMany;
  std::vector<Sequences> taken(4);
  {
    std::vector<std::jthread> poppers;
    for (std::size_t p = 0; p < taken.size(); ++p) {
      poppers.emplace_back([&, p] {
        std::vector<Message> out(5 + 11 * p);
        for (;;) {
          // Some fill their batches, some take what is there.
          const std::size_t count =
              channel->pop(out, p % 2 == 0 ? std::nullopt : std::optional(clock.now() + 100us), {});
          for (std::size_t i = 0; i < count; ++i) taken[p].push_back(out[i].sequence);
          if (count == 0 && channel->finished()) return;
        }
      });
    }
    std::vector<std::jthread> pushers;
    for (std::uint64_t p = 0; p < kPushers; ++p) {
      pushers.emplace_back([&, p] {
        std::vector<Message> batch(1 + 7 * p);
        for (std::uint64_t next = 0; next < kEach;) {
          const auto count = std::min<std::uint64_t>(batch.size(), kEach - next);
          for (std::uint64_t i = 0; i < count; ++i) batch[i].sequence = p * kEach + next + i;
          if (channel->push(std::span(batch).first(count)).accepted != count) return;
          next += count;
        }
      });
    }
    pushers.clear();
    channel->close();
  }
  std::vector<int> seen(kPushers * kEach);
  for (const Sequences& mine : taken) {
    std::vector<std::uint64_t> last(kPushers);
    for (const std::uint64_t sequence : mine) {
      ++seen[sequence];
      CHECK(sequence % kEach + 1 > last[sequence / kEach]);  // each pusher's order is kept
      last[sequence / kEach] = sequence % kEach + 1;
    }
  }
  CHECK(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; }));
}

namespace {

std::uint64_t on_disk(const Made& made) {
  made.spool->flush();
  return made.spool->read([](SpoolStore& store) { return store.count(1); });
}

std::vector<Message> take(Channel& channel, std::size_t most) {
  std::vector<Message> out(most);
  out.resize(channel.pop(out, std::nullopt, {}));
  return out;
}

// The end of a lane: what is in memory is kept, or lost.
Sequences leave(const Made& made) {
  Sequences lost;
  made->abandon();
  for (auto rest = take(*made, 1000); !rest.empty(); rest = take(*made, 1000)) {
    for (const LostMessages& part : made.custody->keep(rest)) {
      CHECK(part.fate == Fate::kUnsent);
      for (const Message& message : part.messages) lost.push_back(message.sequence);
    }
  }
  return lost;
}

}  // namespace

TEST_CASE("channel: in memory nothing is kept, and what is left at the end is lost") {
  FakeClock clock;
  const Made channel = MemoryKind::make(4, OnFull::kBlock, clock);
  CHECK(push(*channel, 0, 3).accepted == 3);
  const auto out = take(*channel, 1);
  CHECK(channel.custody->keep(out).size() == 1);
  CHECK(leave(channel) == Sequences{1, 2});
}

TEST_CASE("durable channel: a message is on disk until it is settled") {
  FakeClock clock;
  const Made channel = DurableKind::make(4, OnFull::kBlock, clock);
  CHECK(push(*channel, 0, 3).accepted == 3);
  CHECK(on_disk(channel) == 3);
  auto out = take(*channel, 2);
  CHECK(channel.custody->fix(out));
  CHECK(on_disk(channel) == 3);
  channel.custody->settle(out, Fate::kStored);
  CHECK(on_disk(channel) == 1);
  CHECK(leave(channel).empty());
  CHECK(on_disk(channel) == 1);
}

TEST_CASE("durable channel: what it drops leaves the disk, what a closed one refused can stay") {
  FakeClock clock;
  const Made newest = DurableKind::make(3, OnFull::kDropNew, clock);
  CHECK(push(*newest, 0, 5).dropped == 2);
  CHECK(on_disk(newest) == 3);
  const Made oldest = DurableKind::make(3, OnFull::kDropOld, clock);
  CHECK(push(*oldest, 0, 3).accepted == 3);
  CHECK(push(*oldest, 3, 2).dropped == 2);
  CHECK(on_disk(oldest) == 3);
  CHECK(oldest.spool->read([](SpoolStore& store) { return store.given_up(1); }).ranges() ==
        std::vector<SequenceRange>{{0, 2}});
  newest->close();
  auto late = messages(7, 1);
  CHECK(newest->push(late).status == PushStatus::kClosed);
  CHECK(newest.custody->keep(late).empty());
  CHECK(on_disk(newest) == 4);
  CHECK(newest.custody->kept() == 4);
  CHECK(oldest.custody->kept() == 3);
}

TEST_CASE(
    "durable channel: under drop-old a full spool drops the oldest that wait, then the newest") {
  FakeClock clock;
  const TempDir dir;
  const std::uint64_t each = messages(0, 1)[0].text.size() + Spool::kOverhead;
  Spool spool(dir.file("spool"), clock, 4 * each);
  Custody custody(&spool, {.run_id = 1});
  const auto channel = make_channel({.capacity = 100,
                                     .on_full = OnFull::kDropOld,
                                     .clock = clock,
                                     .custody = custody,
                                     .target_is_down = [] { return false; }});
  CHECK(push(*channel, 0, 4).accepted == 4);
  auto in_hand = take(*channel, 1);
  const PushResult pushed = push(*channel, 4, 2);
  CHECK(pushed.status == PushStatus::kDone);
  CHECK(pushed.accepted == 2);
  CHECK(pushed.dropped == 2);
  CHECK(pop(*channel, 9) == Sequences{3, 4, 5});
  // All that is on disk is with a consumer.
  const PushResult refused = push(*channel, 6, 2);
  CHECK(refused.accepted == 0);
  CHECK(refused.dropped == 2);
  CHECK(custody.kept() == 4);
  CHECK(spool.flush() == SpoolStatus::kSafe);
  CHECK(spool.read([](SpoolStore& store) { return store.count(1); }) == 4);
  CHECK(spool.read([](SpoolStore& store) { return store.given_up(1); }).ranges() ==
        std::vector<SequenceRange>{{1, 3}});
  custody.settle(in_hand, Fate::kStored);
}

TEST_CASE("durable channel: closed in the middle of a push, no message is without an end") {
  FakeClock clock;
  for (int i = 0; i < 30; ++i) {
    const Made channel = DurableKind::make(5, OnFull::kDropNew, clock);
    std::uint64_t dropped = 0;
    std::uint64_t pushed = 0;
    std::atomic<bool> begun{false};
    std::jthread pusher([&] {
      for (;;) {
        auto batch = messages(pushed, 2);
        pushed += 2;
        begun = true;
        const PushResult result = channel->push(batch);
        dropped += result.dropped;
        if (result.status != PushStatus::kClosed) continue;
        CHECK(channel.custody->keep(std::span(batch).subspan(result.accepted)).empty());
        return;
      }
    });
    wait_for([&] { return begun.load(); });
    channel->close();
    pusher.join();
    CHECK(channel.custody->kept() + dropped == pushed);
    CHECK(on_disk(channel) == channel.custody->kept());
  }
}

TEST_CASE("spill channel: the disk is used only for what the ring has no room for, in order") {
  FakeClock clock;
  const Made channel = SpillKind::make(3, OnFull::kSpill, clock);
  CHECK(push(*channel, 0, 3).accepted == 3);
  CHECK(on_disk(channel) == 0);
  CHECK(push(*channel, 3, 4).accepted == 4);
  CHECK(on_disk(channel) == 4);
  CHECK(channel->stats().depth == 7);
  CHECK(channel->stats().depth_max == 7);
  // As long as something waits there, what comes goes there, too, and does not overtake.
  auto first = take(*channel, 2);
  CHECK(push(*channel, 7, 1).accepted == 1);
  CHECK(on_disk(channel) == 5);
  Sequences rest;
  for (int i = 0; i < 3; ++i) {
    for (const auto sequence : pop(*channel, 2)) rest.push_back(sequence);
  }
  CHECK(rest == Sequences{2, 3, 4, 5, 6, 7});
  channel.custody->settle(first, Fate::kStored);
  CHECK(on_disk(channel) == 5);  // the first two never were there
  CHECK(push(*channel, 8, 1).accepted == 1);
  CHECK(on_disk(channel) == 5);
}

TEST_CASE(
    "spill channel: while the target is down everything goes to the disk, and can be popped") {
  FakeClock clock;
  bool down = true;
  const Made channel = make(3, OnFull::kSpill, clock, true, [&] { return down; });
  CHECK(push(*channel, 0, 2).accepted == 2);
  CHECK(on_disk(channel) == 2);
  CHECK(pop(*channel, 9) == Sequences{0, 1});
  down = false;
  CHECK(push(*channel, 2, 2).accepted == 2);
  CHECK(on_disk(channel) == 2);
}

TEST_CASE("spill channel: a frame with one message on disk is there whole") {
  FakeClock clock;
  const Made channel = SpillKind::make(2, OnFull::kSpill, clock);
  CHECK(push(*channel, 0, 3).accepted == 3);
  std::vector<Message> frame(4);
  std::size_t count = channel->pop(frame, std::nullopt, {});
  count += channel->pop(std::span(frame).subspan(count), clock.now(), {});
  frame.resize(count);
  CHECK(count == 3);
  CHECK(on_disk(channel) == 1);
  CHECK(channel.custody->fix(frame));
  CHECK(on_disk(channel) == 3);
  CHECK(channel.custody->kept() == 3);
  channel.custody->settle(frame, Fate::kStored);
  CHECK(on_disk(channel) == 0);
  CHECK(channel.custody->kept() == 0);
}

TEST_CASE("spill channel: of messages that are dropped, those on disk leave it") {
  FakeClock clock;
  const Made channel = SpillKind::make(2, OnFull::kSpill, clock);
  CHECK(push(*channel, 0, 4).accepted == 4);
  auto late = take(*channel, 2);  // 0 and 1, in memory alone
  for (Message& message : take(*channel, 2)) late.push_back(message);
  CHECK(on_disk(channel) == 2);
  channel.custody->settle(late, Fate::kDropped);
  CHECK(on_disk(channel) == 0);
  CHECK(channel.custody->kept() == 0);
  CHECK(channel.spool->read([](SpoolStore& store) { return store.given_up(1); }).ranges() ==
        std::vector<SequenceRange>{{2, 4}});
}

TEST_CASE("spill channel: a frame that was tried in memory alone is kept as the frame it was") {
  FakeClock clock;
  const Made channel = SpillKind::make(9, OnFull::kSpill, clock);
  CHECK(push(*channel, 4, 3).accepted == 3);
  auto frame = take(*channel, 3);
  CHECK(channel.custody->fix(frame));
  CHECK(on_disk(channel) == 0);
  CHECK(channel.custody->keep(frame).empty());
  CHECK(on_disk(channel) == 3);
  const auto fixed =
      channel.spool->read([](SpoolStore& store) { return store.fixed_frames(1); }).frames;
  REQUIRE(fixed.size() == 1);
  CHECK(fixed[0].id == 4);
  CHECK(fixed[0].members == std::vector<SequenceRange>{{4, 7}});
}

namespace {

// From now on the spool fails, before it has begun to commit.
void break_spool(const Made& made) {
  (void)sql("sqlite:" + made.directory->file("spool") + "/spool.db",
            "CREATE TRIGGER broken BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'no'); END");
}

}  // namespace

TEST_CASE("spill channel: of a frame the broken spool has in part, the other part alone is lost") {
  FakeClock clock;
  const Made channel = SpillKind::make(2, OnFull::kSpill, clock);
  CHECK(push(*channel, 0, 4).accepted == 4);
  auto frame = take(*channel, 2);  // in memory alone
  for (Message& message : take(*channel, 2)) frame.push_back(message);
  std::swap(frame[1], frame[2]);
  break_spool(channel);
  CHECK_FALSE(channel.custody->fix(frame));
  const auto lost = channel.custody->keep(frame);
  REQUIRE(lost.size() == 2);
  CHECK(ranges_of(lost[0].messages) == std::vector<SequenceRange>{{0, 1}});
  CHECK(ranges_of(lost[1].messages) == std::vector<SequenceRange>{{1, 2}});
  CHECK(lost[0].fate == Fate::kUnsent);
  CHECK(channel.custody->kept() == 2);
  CHECK(on_disk(channel) == 2);
}

TEST_CASE("channel: what a broken disk may have taken is lost in doubt, what came later surely") {
  for (const OnFull policy : {OnFull::kBlock, OnFull::kSpill}) {
    FakeClock clock;
    const Made channel = make(1, policy, clock, true, [] { return true; });
    CHECK(push(*channel, 0, 1).accepted == 1);
    auto first = messages(1, 2);
    {
      const FullFiles limit;
      CHECK(channel->push(first).status == PushStatus::kBroken);
    }
    auto second = messages(3, 1);
    CHECK(channel->push(second).status == PushStatus::kBroken);
    first.push_back(second[0]);
    const auto lost = channel.custody->keep(first);
    REQUIRE(lost.size() == 2);
    CHECK(ranges_of(lost[0].messages) == std::vector<SequenceRange>{{1, 3}});
    CHECK(lost[0].fate == Fate::kInDoubt);
    CHECK(ranges_of(lost[1].messages) == std::vector<SequenceRange>{{3, 4}});
    CHECK(lost[1].fate == Fate::kUnsent);
    CHECK(channel.custody->kept() == 1);
  }
}

TEST_CASE("spill channel: at the end what is in memory is put on disk") {
  FakeClock clock;
  const Made channel = SpillKind::make(3, OnFull::kSpill, clock);
  CHECK(push(*channel, 0, 5).accepted == 5);
  channel->close();
  CHECK_FALSE(channel->finished());
  CHECK(leave(channel).empty());
  CHECK(on_disk(channel) == 5);
  CHECK(channel.custody->kept() == 5);
  CHECK(channel->finished());
}

TEST_CASE("spill channel: a broken spool is reported to pushers and wakes those that wait") {
  FakeClock clock;
  const Made channel = SpillKind::make(2, OnFull::kSpill, clock);
  CHECK(push(*channel, 0, 4).accepted == 4);
  // Behind its back the messages that wait on disk are gone.
  channel.spool->settle({.run_id = 1}, SequenceRange{0, 4}, SpoolEnd::kStored);
  channel.spool->flush();
  CHECK(pop(*channel, 2) == Sequences{0, 1});
  CHECK(pop(*channel, 2).empty());
  CHECK(channel->finished());
  CHECK(push(*channel, 4, 1).status == PushStatus::kBroken);
  CHECK(channel.custody->problem().find("damaged") != std::string::npos);
}

TEST_CASE_TEMPLATE("channel: a popper that is stopped leaves what comes to others", Kind,
                   MemoryKind, DurableKind, SpillKind) {
  FakeClock clock;
  const Made channel = Kind::make(10, OnFull::kBlock, clock);
  std::stop_source stop;
  Sequences first{99};
  std::jthread popper([&] { first = pop(*channel, 5, std::nullopt, stop.get_token()); });
  stop.request_stop();  // before it waits, or while it does
  popper.join();
  CHECK(first.empty());
  CHECK(push(*channel, 0, 3).accepted == 3);
  CHECK(pop(*channel, 5, std::nullopt, stop.get_token()).empty());
  CHECK(pop(*channel, 5) == Sequences{0, 1, 2});
}

TEST_CASE_TEMPLATE("channel: a popper that is stopped with a batch begun takes what is there", Kind,
                   MemoryKind, DurableKind, SpillKind) {
  FakeClock clock;
  const Made channel = Kind::make(10, OnFull::kBlock, clock);
  CHECK(push(*channel, 0, 2).accepted == 2);
  std::stop_source stop;
  Sequences taken;
  std::jthread popper([&] { taken = pop(*channel, 5, clock.now() + 1h, stop.get_token()); });
  clock.await_sleepers(1);
  stop.request_stop();
  popper.join();
  CHECK(taken == Sequences{0, 1});
  // Nothing is kept for it any more.
  CHECK(push(*channel, 2, 1).accepted == 1);
  CHECK(pop(*channel, 5) == Sequences{2});
}
