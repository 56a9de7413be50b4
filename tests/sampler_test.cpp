#include "stats/sampler.h"

#include <doctest/doctest.h>

#include <array>
#include <thread>
#include <vector>

#include "stats/meter.h"
#include "stats/sample.h"
#include "support/fates.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kStart{1h};

// Each field is another number, and all of them differ between two values of n.
Sample sample_of(std::uint64_t n) {
  Sample sample;
  std::uint64_t field = 100 * n;
  sample.produced = ++field;
  for (const Fate fate : kAllFates) sample.ends[fate] = ++field;
  for (std::uint64_t* const count :
       {&sample.retried_frames, &sample.duplicates_suppressed, &sample.resent, &sample.frames.full,
        &sample.frames.linger, &sample.frames.drain}) {
    *count = ++field;
  }
  sample.writing = nanoseconds(++field);
  sample.last_commit = kStart + nanoseconds(++field);
  Message message;
  message.due = kStart;
  message.created = kStart + n * 1ms;
  message.taken = message.created + n * 3ms;
  const std::vector<Message> messages(n, message);
  const TimePoint begin = message.taken + n * 5ms;
  sample.latency.record(messages, kStart, begin, begin + n * 7ms, n * 1us);
  return sample;
}

void check_same(const Sample& a, const Sample& b) {
  CHECK(a.produced == b.produced);
  CHECK(a.ends == b.ends);
  CHECK(a.retried_frames == b.retried_frames);
  CHECK(a.duplicates_suppressed == b.duplicates_suppressed);
  CHECK(a.resent == b.resent);
  CHECK(a.frames.full == b.frames.full);
  CHECK(a.frames.linger == b.frames.linger);
  CHECK(a.frames.drain == b.frames.drain);
  CHECK(a.writing == b.writing);
  CHECK(a.last_commit == b.last_commit);
  for (Histogram LatencyHistograms::*const part :
       {&LatencyHistograms::response, &LatencyHistograms::schedule_lag,
        &LatencyHistograms::queue_wait, &LatencyHistograms::batch_wait, &LatencyHistograms::write,
        &LatencyHistograms::held_back}) {
    const Histogram& mine = a.latency.*part;
    const Histogram& theirs = b.latency.*part;
    CHECK(mine.count() == theirs.count());
    CHECK(mine.mean() == doctest::Approx(theirs.mean()));
    CHECK(mine.max() == theirs.max());
    for (const double percent : {10.0, 50.0, 90.0}) {
      CHECK(mine.percentile(percent) == theirs.percentile(percent));
    }
  }
  CHECK(a.latency.stored.width() == b.latency.stored.width());
  for (std::size_t i = 0; i < a.latency.stored.counts().size(); ++i) {
    CHECK(a.latency.stored.counts()[i] == b.latency.stored.counts()[i]);
  }
}

Sample merged(const std::vector<std::uint64_t>& order) {
  Sample sum;
  for (const std::uint64_t n : order) sum.merge(sample_of(n));
  return sum;
}

}  // namespace

TEST_CASE("sample: two different ones merge field by field") {
  Sample sum = sample_of(1);
  sum.merge(sample_of(2));
  const Sample one = sample_of(1);
  const Sample two = sample_of(2);
  CHECK(sum.produced == one.produced + two.produced);
  for (const Fate fate : kAllFates) CHECK(sum.ends[fate] == one.ends[fate] + two.ends[fate]);
  CHECK(sum.retried_frames == one.retried_frames + two.retried_frames);
  CHECK(sum.duplicates_suppressed == one.duplicates_suppressed + two.duplicates_suppressed);
  CHECK(sum.resent == one.resent + two.resent);
  CHECK(sum.frames.full == one.frames.full + two.frames.full);
  CHECK(sum.frames.linger == one.frames.linger + two.frames.linger);
  CHECK(sum.frames.drain == one.frames.drain + two.frames.drain);
  CHECK(sum.writing == one.writing + two.writing);
  CHECK(sum.last_commit == two.last_commit);
  CHECK(sum.latency.write.count() == 3);
  CHECK(sum.latency.write.max() == 14e6);
}

TEST_CASE("sample: the order and the grouping of merges do not matter") {
  Sample grouped = merged({3});
  grouped.merge(merged({1, 2}));
  check_same(merged({1, 2, 3}), merged({3, 2, 1}));
  check_same(merged({1, 2, 3}), grouped);
  check_same(merged({}), Sample());
}

TEST_CASE("sample: one that was cleared is as good as new") {
  Sample used = sample_of(3);
  used.clear();
  check_same(used, Sample());
  used.merge(sample_of(2));
  check_same(used, sample_of(2));
}

TEST_CASE("tally: its sum is that of all fates") {
  Tally tally;
  std::uint64_t sum = 0;
  for (const Fate fate : kAllFates) sum += tally[fate] = 7 + static_cast<std::uint64_t>(fate);
  CHECK(kAllFates.size() == Tally::kFates);
  CHECK(tally.sum() == sum);
}

TEST_CASE("sampler: what it shows at a tick and at the end is the sum so far, once") {
  ProducerMeter first;
  ConsumerMeter second;
  Sampler sampler;
  sampler.watch(first);
  const auto produce = [](auto& meter, std::uint64_t count) {
    meter.record([&](auto& sample) {
      sample.produced += count;
      sample.ends[Fate::kStored] += count;
    });
  };
  produce(first, 5);
  CHECK(sampler.counted().produced == 5);
  CHECK(sampler.counted().produced == 5);
  sampler.watch(second);
  produce(first, 1);
  produce(second, 10);
  CHECK(sampler.counted().ends[Fate::kStored] == 16);
  produce(second, 100);
  const Sample all = sampler.finish().measured;
  CHECK(all.produced == 116);
  CHECK(all.ends[Fate::kStored] == 116);
}

TEST_CASE("sampler: nothing is lost or counted twice while workers record") {
  constexpr std::uint64_t kRounds = 20'000;
  std::array<ConsumerMeter, 3> meters;
  Sampler sampler;
  for (ConsumerMeter& meter : meters) sampler.watch(meter);
  {
    std::vector<std::jthread> workers;
    for (ConsumerMeter& meter : meters) {
      workers.emplace_back([&meter] {
        const std::vector<Message> messages(2);
        for (std::uint64_t i = 0; i < kRounds; ++i) {
          meter.record([&](Sample& sample) {
            sample.ends[Fate::kStored] += messages.size();
            sample.latency.record(messages, kStart, kStart, kStart + nanoseconds(i));
          });
        }
      });
    }
    std::uint64_t before = 0;
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t now = sampler.counted().ends[Fate::kStored];
      CHECK(now >= before);
      before = now;
    }
  }
  const Sample all = sampler.finish().measured;
  CHECK(all.ends[Fate::kStored] == 2 * kRounds * meters.size());
  CHECK(all.latency.write.count() == 2 * kRounds * meters.size());
}

TEST_CASE("sampler: what a worker counted before it left stays in the sum, and counts once") {
  Sampler sampler;
  ProducerMeter producer;
  {
    ConsumerMeter consumer;
    sampler.watch(producer);
    sampler.watch(consumer);
    consumer.record([](Sample& sample) { sample.ends[Fate::kStored] += 2; });
    CHECK(sampler.counted().ends[Fate::kStored] == 2);
    consumer.record([](Sample& sample) { sample.ends[Fate::kStored] += 3; });
    sampler.unwatch(consumer);
  }
  producer.record([](SampleCounts& sample) { sample.produced += 5; });
  sampler.unwatch(producer);
  producer.record([](SampleCounts& sample) { sample.produced += 7; });  // nobody looks any more
  const Sample sum = sampler.finish().measured;
  CHECK(sum.ends[Fate::kStored] == 5);
  CHECK(sum.produced == 5);
}
