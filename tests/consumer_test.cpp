#include "consumer/consumer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include "channel/memory_channel.h"
#include "stats/sampler.h"
#include "support/fake_clock.h"
#include "support/faulty_sink.h"
#include "support/unsent_letters.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

using Sequences = std::vector<std::uint64_t>;

Sequences sequences_of(std::span<const Message> messages) {
  Sequences sequences;
  for (const Message& message : messages) sequences.push_back(message.sequence);
  return sequences;
}

Sample drained(ConsumerAccount& account) {
  Sample sample;
  account.meter().drain(sample);
  return sample;
}

struct Fixture {
  // Messages of sequence first, first + 1, ..., due and created now.
  void push(std::uint64_t first, std::size_t count) {
    std::vector<Message> batch(count);
    for (std::size_t i = 0; i < count; ++i) {
      batch[i].sequence = first + i;
      batch[i].due = batch[i].created = clock.now();
    }
    CHECK(channel.push(batch).accepted == count);
  }

  void consume_from(Channel& from, FrameLimits limits, Sink& to, ConsumerAccount& account) {
    SinkTarget target(to);
    const DeliveryContext delivery{.target = target,
                                   .run = {},
                                   .clock = clock,
                                   .breaker = breaker,
                                   .budget = budget,
                                   .dead_letters = dead_letters,
                                   .policy = {},
                                   .give_up = give_up.get_token(),
                                   .on_error = [](const WriteResult&) {}};
    Courier courier(delivery);
    failure = consume({.channel = from,
                       .custody = custody,
                       .clock = clock,
                       .limits = limits,
                       .unsent = unsent.box,
                       .give_up = give_up.get_token()},
                      courier, account, retire.get_token());
  }

  Sample run(FrameLimits limits, Sink& to) {
    ConsumerAccount account(limits.batch_size, acknowledged);
    sampler.watch(account.meter());
    consume_from(channel, limits, to, account);
    const ConsumerAccount::Closed closed = account.close();
    CHECK(closed.unsent.empty());
    CHECK(closed.in_doubt.empty());
    return sampler.finish().measured;
  }

  // While it runs.
  std::uint64_t stored() { return sampler.counted().ends[Fate::kStored]; }

  FakeClock clock;
  MemoryChannel channel{1000, OnFull::kBlock, clock};
  MemorySink sink;
  CircuitBreaker breaker{Breaker::kOff, {}, 1, clock, {}};
  RetryBudget budget;
  DeadLetterBox dead_letters{"/nonexistent/dead-letter.jsonl", 0};
  SharedSequenceSet acknowledged;
  Sampler sampler;
  std::stop_source give_up;
  std::stop_source retire;
  std::optional<WriteResult> failure;
  UnsentLetters unsent;
  Custody custody{nullptr, {}};
};

}  // namespace

TEST_CASE("consumer: a full frame is written at once, what is left when the channel closes last") {
  Fixture f;
  f.push(0, 7);
  f.channel.close();
  const Sample totals = f.run({3, 5ms}, f.sink);
  CHECK(f.sink.frames == std::vector<Sequences>{{0, 1, 2}, {3, 4, 5}, {6}});
  CHECK(totals.ends[Fate::kStored] == 7);
  CHECK(totals.frames.full == 2);
  CHECK(totals.frames.drain == 1);
  CHECK(totals.frames.linger == 0);
  CHECK(f.acknowledged.take().ranges() == std::vector<SequenceRange>{{0, 7}});
}

TEST_CASE("consumer: a frame that does not fill is written when its linger is over") {
  Fixture f;
  Sample totals;
  std::jthread consumer([&] { totals = f.run({100, 5ms}, f.sink); });
  f.push(0, 1);
  f.clock.await_sleepers(1);
  f.clock.advance(2ms);
  f.push(1, 2);
  f.clock.advance(3ms);
  while (f.stored() < 3) std::this_thread::yield();
  f.channel.close();
  consumer.join();
  CHECK(f.sink.frames == std::vector<Sequences>{{0, 1, 2}});
  CHECK(totals.frames.linger == 1);
}

TEST_CASE(
    "consumer: --max-lag drops what grew too old in the channel, and writes the others in order") {
  Fixture f;
  f.push(0, 2);
  f.clock.advance(1ms);
  f.push(2, 1);
  f.clock.advance(5ms);  // the first two are 6 ms late now, the third as late as it may be
  f.push(3, 2);
  f.channel.close();
  const Sample totals = f.run({.batch_size = 10, .linger = 0ms, .max_lag = 5ms}, f.sink);
  CHECK(f.sink.frames == std::vector<Sequences>{{2, 3, 4}});
  CHECK(totals.ends[Fate::kStored] == 3);
  CHECK(totals.ends[Fate::kDropped] == 2);
  CHECK(totals.latency.response.count() == 3);
  CHECK(f.acknowledged.take().ranges() == std::vector<SequenceRange>{{2, 5}});
}

TEST_CASE("consumer: late messages between others are dropped, whatever their order") {
  Fixture f;
  std::vector<Message> batch(5);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i].sequence = i;
    batch[i].due = batch[i].created = f.clock.now() - (i % 2 == 1 ? 9ms : 0ms);
  }
  CHECK(f.channel.push(batch).accepted == 5);
  f.channel.close();
  const Sample totals = f.run({.batch_size = 5, .linger = 0ms, .max_lag = 5ms}, f.sink);
  CHECK(f.sink.frames == std::vector<Sequences>{{0, 2, 4}});
  CHECK(totals.ends[Fate::kDropped] == 2);
}

TEST_CASE("consumer: a batch of which everything is late is no frame, and the next one is") {
  Fixture f;
  f.push(0, 3);
  f.clock.advance(6ms);
  f.push(3, 2);
  f.channel.close();
  const Sample totals = f.run({.batch_size = 3, .linger = 0ms, .max_lag = 5ms}, f.sink);
  CHECK(f.sink.frames == std::vector<Sequences>{{3, 4}});
  CHECK(totals.ends[Fate::kDropped] == 3);
  CHECK(totals.frames.full + totals.frames.linger + totals.frames.drain == 1);
}

TEST_CASE("consumer: a frame that is tried again stays as it is, however late it grows") {
  class LockedOnce final : public Sink {
   public:
    LockedOnce(Sink& inner, FakeClock& clock) : inner_(inner), clock_(clock) {}
    WriteResult write(const Frame& frame) noexcept override {
      if (locked_.exchange(false)) {
        clock_.advance(6ms);
        return {WriteOutcome::kNotWritten, {.error_class = ErrorClass::kContention}};
      }
      return inner_.write(frame);
    }
    void interrupt() noexcept override {}
    [[nodiscard]] bool was_tried() const { return !locked_; }

   private:
    Sink& inner_;
    FakeClock& clock_;
    std::atomic<bool> locked_{true};
  };
  Fixture f;
  f.push(0, 3);
  f.channel.close();
  LockedOnce sink(f.sink, f.clock);
  Sample totals;
  std::atomic<bool> done{false};
  std::jthread consumer([&] {
    totals = f.run({.batch_size = 3, .linger = 0ms, .max_lag = 5ms}, sink);
    done = true;
  });
  while (!sink.was_tried()) std::this_thread::yield();
  while (!done) f.clock.advance(10ms);  // the backoff
  consumer.join();
  CHECK(totals.ends[Fate::kStored] == 3);
  CHECK(totals.ends[Fate::kDropped] == 0);
}

TEST_CASE("consumer: with no linger it writes whatever is there") {
  Fixture f;
  f.push(0, 2);
  Sample totals;
  std::jthread consumer([&] { totals = f.run({100, 0ms}, f.sink); });
  while (f.stored() < 2) std::this_thread::yield();
  f.push(2, 1);
  while (f.stored() < 3) std::this_thread::yield();
  f.channel.close();
  consumer.join();
  CHECK(f.sink.frames == std::vector<Sequences>{{0, 1}, {2}});
  CHECK(totals.frames.linger == 2);
}

TEST_CASE("consumer: response time splits into its parts, and they add up") {
  Fixture f;
  Sample totals;
  f.push(0, 1);          // due and created at 0 ms
  f.clock.advance(7ms);  // waits in the channel
  // A sink in which time passes.
  FaultySink slow(f.sink, [&](std::size_t) {
    f.clock.advance(11ms);
    return WriteOutcome::kWritten;
  });
  std::jthread consumer([&] { totals = f.run({100, 5ms}, slow); });
  f.clock.await_sleepers(1);
  f.clock.advance(2ms);
  f.push(1, 1);  // due and created at 9 ms, while the batch fills until 12 ms
  f.clock.advance(3ms);
  while (f.stored() < 2) std::this_thread::yield();
  f.channel.close();
  consumer.join();
  const LatencyHistograms& latency = totals.latency;
  const auto extremes = [](const Histogram& histogram) {
    return std::pair(nanoseconds(std::llround(histogram.min())),
                     nanoseconds(std::llround(histogram.max())));
  };
  CHECK(extremes(latency.response) == std::pair<nanoseconds, nanoseconds>(14ms, 23ms));
  CHECK(extremes(latency.schedule_lag) == std::pair<nanoseconds, nanoseconds>(0ms, 0ms));
  CHECK(extremes(latency.queue_wait) == std::pair<nanoseconds, nanoseconds>(0ms, 7ms));
  CHECK(extremes(latency.batch_wait) == std::pair<nanoseconds, nanoseconds>(3ms, 5ms));
  CHECK(extremes(latency.write) == std::pair<nanoseconds, nanoseconds>(11ms, 11ms));
  CHECK(latency.response.mean() ==
        doctest::Approx(latency.schedule_lag.mean() + latency.queue_wait.mean() +
                        latency.batch_wait.mean() + latency.write.mean()));
  CHECK(totals.writing == 11ms);
}

TEST_CASE("consumer: a frame that is not written is unsent, reported, and the last") {
  Fixture f;
  f.push(0, 9);
  FaultySink faulty(f.sink, [](std::size_t nth) {
    return nth == 1 ? WriteOutcome::kNotWritten : WriteOutcome::kWritten;
  });
  const Sample totals = f.run({3, 0ms}, faulty);
  CHECK(totals.ends[Fate::kStored] == 3);
  CHECK(totals.ends[Fate::kUnsent] == 3);
  CHECK(totals.ends[Fate::kInDoubt] == 0);
  CHECK(f.unsent.count().all == 3);
  CHECK(f.unsent.count().in_doubt == 0);
  CHECK(f.failure.has_value());
  CHECK(f.channel.stats().depth == 3);
  CHECK(f.acknowledged.take().size() == 3);
  CHECK(totals.latency.response.count() == 3);
}

TEST_CASE("consumer: a frame whose commit has no known outcome is in doubt, not unsent") {
  Fixture f;
  f.push(0, 3);
  FaultySink faulty(f.sink, [](std::size_t) { return WriteOutcome::kInDoubt; });
  const Sample totals = f.run({3, 0ms}, faulty);
  CHECK(totals.ends[Fate::kInDoubt] == 3);
  CHECK(f.unsent.count().all == 3);
  CHECK(f.unsent.count().in_doubt == 3);  // nobody may send them again without knowing
  CHECK(totals.ends[Fate::kUnsent] == 0);
  CHECK(totals.ends[Fate::kStored] == 0);
}

TEST_CASE("consumer: told to give up, it begins no further frame and counts what it holds") {
  Fixture f;
  f.push(0, 1);
  Sample totals;
  std::jthread consumer([&] { totals = f.run({100, 1h}, f.sink); });
  f.clock.await_sleepers(1);  // holds message 0 and waits for more
  f.give_up.request_stop();
  f.channel.close();
  consumer.join();
  CHECK(totals.ends[Fate::kUnsent] == 1);
  CHECK(f.sink.frames.empty());
}

TEST_CASE("consumer: told to retire, it writes the batch it has begun, and leaves the rest") {
  Fixture f;
  f.push(0, 2);
  Sample totals;
  std::jthread consumer([&] { totals = f.run({100, 1h}, f.sink); });
  f.clock.await_sleepers(1);  // holds two messages and waits for more
  f.retire.request_stop();
  consumer.join();
  CHECK(f.sink.frames == std::vector<Sequences>{{0, 1}});
  CHECK(totals.ends[Fate::kStored] == 2);
  f.push(2, 1);
  CHECK_FALSE(f.failure.has_value());
  CHECK(f.channel.stats().depth == 1);
}

namespace {

// Has no memory left when a batch that is begun is to be filled.
class ExhaustedChannel final : public Channel {
 public:
  explicit ExhaustedChannel(Channel& inner) : inner_(inner) {}
  PushResult push(std::span<Message> batch) override { return inner_.push(batch); }
  std::size_t pop(std::span<Message> out, std::optional<TimePoint> deadline,
                  const std::stop_token& stop) override {
    if (deadline) throw std::bad_alloc();
    return inner_.pop(out, deadline, stop);
  }
  void close() override { inner_.close(); }
  [[nodiscard]] bool finished() const override { return inner_.finished(); }
  [[nodiscard]] ChannelStats stats() const override { return inner_.stats(); }

 private:
  Channel& inner_;
};

}  // namespace

TEST_CASE("consumer: an exception loses neither what was counted nor what is in hand") {
  Fixture f;
  f.push(0, 7);
  ExhaustedChannel channel(f.channel);
  ConsumerAccount account(4, f.acknowledged);
  CHECK_THROWS_AS(f.consume_from(channel, {4, 5ms}, f.sink, account), std::bad_alloc);
  const ConsumerAccount::Closed closed = account.close();
  const Sample sample = drained(account);
  CHECK(sample.ends[Fate::kStored] == 4);
  CHECK(sample.latency.response.count() == 4);
  CHECK(sequences_of(closed.unsent) == Sequences{4, 5, 6});  // it was not tried yet
  CHECK(closed.in_doubt.empty());
}

TEST_CASE("consumer: an account closed during a write leaves the frame in doubt, once") {
  Fixture f;
  f.push(0, 3);
  std::optional<ConsumerAccount::Closed> closed;
  ConsumerAccount account(3, f.acknowledged);
  // As if the write took for ever, and then came back after all.
  FaultySink slow(f.sink, [&](std::size_t) {
    closed = account.close();
    return WriteOutcome::kWritten;
  });
  f.consume_from(f.channel, {3, 0ms}, slow, account);
  CHECK(sequences_of(closed->in_doubt) == Sequences{0, 1, 2});
  CHECK(drained(account).ends[Fate::kStored] == 0);
  CHECK(f.acknowledged.take().size() == 0);  // or it would not agree with the count
  CHECK(account.close().in_doubt.empty());
}

TEST_CASE("consumer: an account closed while a batch gathers has it unsent") {
  Fixture f;
  f.push(0, 2);
  ConsumerAccount account(100, f.acknowledged);
  std::jthread consumer([&] { f.consume_from(f.channel, {100, 1h}, f.sink, account); });
  f.clock.await_sleepers(1);
  CHECK(sequences_of(account.close().unsent) == Sequences{0, 1});
  f.channel.close();
  consumer.join();
  CHECK(f.sink.frames.empty());
}

TEST_CASE("consumer: messages of a frame in hand that have a fate are not left over") {
  SharedSequenceSet acknowledged;
  ConsumerAccount account(6, acknowledged);
  for (std::size_t i = 0; i < 6; ++i) account.slots()[i].sequence = 10 + i;
  const std::span<const Message> frame = account.slots();
  CHECK(account.hold(6));
  CHECK(account.begin_write(TimePoint(1s)));
  CHECK(account.begin_piece(frame.first(1)));
  CHECK(account.stored(frame.first(1), TimePoint(2s)));
  CHECK(account.dead_lettered(frame.subspan(2, 1)));
  CHECK(account.begin_piece(frame.subspan(3, 2)));
  const ConsumerAccount::Closed closed = account.close();
  CHECK(sequences_of(closed.unsent) == Sequences{11, 15});
  CHECK(sequences_of(closed.in_doubt) == Sequences{13, 14});
  CHECK_FALSE(account.begin_piece(frame.subspan(5, 1)));
  const Sample sample = drained(account);
  CHECK(sample.ends[Fate::kStored] == 1);
  CHECK(sample.ends[Fate::kDeadLettered] == 1);
}
