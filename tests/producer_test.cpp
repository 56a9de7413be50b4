#include "producer/producer.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "channel/memory_channel.h"
#include "support/fake_clock.h"
#include "support/full_files.h"
#include "support/unsent_letters.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  Fixture(std::uint64_t count, std::size_t capacity, OnFull policy)
      : tickets(Schedule(Profile::constant(1000), 0s, count), {}, clock),
        channel(capacity, policy, clock) {
    tickets.start(clock.now());
  }

  Sample run() { return run(3, channel, no_spool); }
  Sample run(std::uint32_t producer, Channel& to, Custody& custody) {
    ProducerAccount account(256, produced);
    status = produce({.tickets = tickets,
                      .channel = to,
                      .custody = custody,
                      .generator = generator,
                      .clock = clock,
                      .unsent = unsent.box},
                     producer, account, {});
    const ProducerAccount::Closed closed = account.close();
    CHECK(closed.unsent.empty());
    CHECK(closed.in_doubt.empty());
    Sample sample;
    account.meter().drain(sample);
    return sample;
  }

  FakeClock clock;
  TokenBucket tickets;
  MemoryChannel channel;
  const Generator generator{42, 20};
  SharedSequenceSet produced;
  UnsentLetters unsent;
  Custody no_spool{nullptr, {}};
  PushStatus status{};
};

std::uint64_t produced_by(ProducerAccount& account) {
  Sample sample;
  account.meter().drain(sample);
  return sample.produced;
}

}  // namespace

TEST_CASE("producer: beside a small channel few tickets are taken at a time, but never none") {
  CHECK(tickets_at_a_time(10'000, 10) == 512);
  CHECK(tickets_at_a_time(100, 10) == 10);
  CHECK(tickets_at_a_time(1, 10) == 1);
}

TEST_CASE("producer: each ticket becomes one message with its times, producer and text") {
  Fixture f(5, 100, OnFull::kBlock);
  const TimePoint start = f.clock.now();
  f.clock.advance(10ms);
  const Sample totals = f.run();
  CHECK(totals.produced == 5);
  CHECK(totals.ends[Fate::kDropped] == 0);
  CHECK(totals.ends[Fate::kUnsent] == 0);
  CHECK(f.produced.take().ranges() == std::vector<SequenceRange>{{0, 5}});
  std::vector<Message> out(9);
  REQUIRE(f.channel.pop(out, std::nullopt, {}) == 5);
  for (std::uint64_t i = 0; i < 5; ++i) {
    std::string expected;
    f.generator.generate(i, 3, expected);
    CHECK(out[i].sequence == i);
    CHECK(out[i].producer == 3);
    CHECK(out[i].due == start + i * 1ms);
    CHECK(out[i].created == start + 10ms);
    CHECK(out[i].text == expected);
  }
}

TEST_CASE("producer: what a closed channel does not take is unsent, and production ends") {
  Fixture f(5, 100, OnFull::kBlock);
  f.channel.close();
  f.clock.advance(1s);
  const Sample totals = f.run();
  CHECK(totals.produced == 5);
  CHECK(totals.ends[Fate::kUnsent] == 5);
  CHECK(totals.ends[Fate::kDropped] == 0);
}

TEST_CASE("producer: what the channel drops is counted, and production goes on") {
  Fixture f(300, 2, OnFull::kDropNew);  // more than one batch of tickets
  f.clock.advance(1s);
  const Sample totals = f.run();
  CHECK(totals.produced == 300);
  CHECK(totals.ends[Fate::kDropped] == 298);
  CHECK(totals.ends[Fate::kUnsent] == 0);
}

TEST_CASE("producer: a full channel under abort is reported once and ends production") {
  Fixture f(300, 2, OnFull::kAbort);
  f.clock.advance(1s);
  const Sample totals = f.run();
  CHECK(f.status == PushStatus::kFull);
  CHECK(totals.produced == 256);
  CHECK(totals.ends[Fate::kUnsent] == 254);
  CHECK(f.unsent.count().all == 254);
}

namespace {

// A channel that takes three messages and breaks; its disk may fail while it takes the others.
class BrokenChannel final : public Channel {
 public:
  enum class Disk { kSound, kFull };
  BrokenChannel(Custody& custody, Disk disk) : custody_(custody), disk_(disk) {}

  PushResult push(std::span<Message> batch) override {
    if (disk_ == Disk::kFull) {
      const FullFiles limit;
      CHECK(custody_.append(batch.subspan(3), Spool::WhenFull::kBlock) == SpoolStatus::kFailed);
    }
    return {.status = PushStatus::kBroken, .accepted = 3};
  }
  std::size_t pop(std::span<Message>, std::optional<TimePoint>, const std::stop_token&) override {
    return 0;
  }
  void close() override {}
  [[nodiscard]] bool finished() const override { return true; }
  [[nodiscard]] ChannelStats stats() const override { return {}; }

 private:
  Custody& custody_;
  const Disk disk_;
};

}  // namespace

TEST_CASE("producer: of a batch at which the channel broke, each message is accounted for once") {
  using Disk = BrokenChannel::Disk;
  for (const Disk disk : {Disk::kSound, Disk::kFull}) {
    Fixture f(10, 100, OnFull::kBlock);
    f.clock.advance(1s);
    const TempDir dir;
    Spool spool(dir.file("spool"), f.clock);
    Custody custody(&spool, {.run_id = 1});
    BrokenChannel channel(custody, disk);
    const Sample totals = f.run(3, channel, custody);
    CHECK(totals.produced == 10);
    CHECK(custody.kept() == (disk == Disk::kSound ? 7 : 0));
    CHECK(totals.ends[Fate::kUnsent] == 0);
    CHECK(totals.ends[Fate::kInDoubt] == (disk == Disk::kSound ? 0 : 7));
    CHECK(f.unsent.count().all == totals.ends[Fate::kInDoubt]);
    CHECK(f.status == PushStatus::kBroken);
  }
}

TEST_CASE("producer: an account closed during a push leaves the batch in doubt, once") {
  SharedSequenceSet produced;
  ProducerAccount account(4, produced);
  for (std::size_t i = 0; i < 4; ++i) account.slots()[i] = {i, TimePoint(1s)};
  CHECK(account.take(3));
  CHECK(account.begin_push());
  const ProducerAccount::Closed closed = account.close();
  CHECK(closed.in_doubt.size() == 3);
  CHECK(closed.unsent.empty());
  CHECK(produced_by(account) == 3);
  CHECK_FALSE(account.pushed({.accepted = 3}));
  CHECK(account.close().in_doubt.empty());
}

TEST_CASE("producer: tickets whose messages were never made are unsent") {
  SharedSequenceSet produced;
  ProducerAccount account(4, produced);
  for (std::size_t i = 0; i < 4; ++i) account.slots()[i] = {7 + i, TimePoint(1s)};
  CHECK(account.take(2));
  const ProducerAccount::Closed closed = account.close();
  CHECK(closed.unsent.size() == 2);
  CHECK(closed.unsent.front().sequence == 7);
  CHECK(produced_by(account) == 2);
  CHECK(produced.take().ranges() == std::vector<SequenceRange>{{7, 9}});
}
