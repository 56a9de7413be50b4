// What the statistics cost: the rooms between limiter and sink, wired as run/run.cpp wires them but
// with no database and nobody watching, driven with the latency recorder on and off in turn.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "channel/memory_channel.h"
#include "consumer/consumer.h"
#include "limiter/token_bucket.h"
#include "plan/plan.h"
#include "producer/producer.h"
#include "sink/make_target.h"
#include "stats/sampler.h"

namespace {

using namespace loadgen;

double messages_per_s(ConsumerAccount::Timing timing, std::chrono::duration<double> duration) {
  SteadyClock clock;
  Options options;
  options.db = "null:";
  options.rps = std::nullopt;
  options.duration = std::chrono::duration_cast<nanoseconds>(duration);
  const Plan plan = make_plan(options, clock);
  const auto target = make_target(options, clock);
  target->open();

  const Generator generator(plan.seed, options.message_size);
  TokenBucket tickets(plan.schedule, {}, clock);
  MemoryChannel channel(options.queue_capacity, options.on_full, clock);
  SharedSequenceSet produced;
  SharedSequenceSet acknowledged;
  Sampler sampler;
  const ProducerContext producing{.tickets = tickets,
                                  .channel = channel,
                                  .generator = generator,
                                  .clock = clock,
                                  .on_refused = [](PushStatus) {},
                                  .on_unsent = [](const LostMessages&) {}};
  const ConsumerContext consuming{
      .channel = channel,
      .clock = clock,
      .limits = {.batch_size = options.batch_size, .linger = options.linger},
      .give_up = {},
      .on_failure = [](const WriteResult&) { std::abort(); },
      .on_unsent = [](const LostMessages&) {},
      .on_doubt = [](std::span<const Message>) {}};
  CircuitBreaker breaker(options.breaker,
                         {options.retry_delay.shortest, options.retry_delay.longest}, plan.seed,
                         clock, {});
  RetryBudget budget;
  DeadLetterBox dead_letters(options.dead_letter, options.max_dead_letters);
  const DeliveryContext delivery{.target = *target,
                                 .run = {.run_id = plan.run_id, .anchor = {}},
                                 .clock = clock,
                                 .breaker = breaker,
                                 .budget = budget,
                                 .dead_letters = dead_letters,
                                 .policy = {},
                                 .give_up = {},
                                 .on_error = [](const WriteResult&) {}};
  std::vector<std::unique_ptr<Courier>> couriers(options.consumers);
  for (auto& courier : couriers) courier = std::make_unique<Courier>(delivery);
  std::vector<std::unique_ptr<ConsumerAccount>> accounts(options.consumers);
  for (auto& account : accounts) {
    account = std::make_unique<ConsumerAccount>(options.batch_size, acknowledged, timing);
    sampler.watch(account->meter());
  }
  std::vector<std::unique_ptr<ProducerAccount>> making(options.producers);
  for (auto& account : making) {
    account = std::make_unique<ProducerAccount>(
        tickets_at_a_time(options.queue_capacity, options.producers), produced);
  }

  const TimePoint start = clock.now();
  tickets.start(start);
  std::vector<std::jthread> consumers;
  for (std::uint32_t i = 0; i < options.consumers; ++i) {
    consumers.emplace_back([&, i] { consume(consuming, *couriers[i], *accounts[i]); });
  }
  std::vector<std::jthread> producers;
  for (std::uint32_t i = 0; i < options.producers; ++i) {
    producers.emplace_back([&, i] { produce(producing, i, *making[i]); });
  }
  producers.clear();  // joins
  channel.close();
  consumers.clear();

  const Sample sum = sampler.finish();
  return static_cast<double>(sum.ends[Fate::kStored]) /
         std::chrono::duration<double>(sum.last_commit - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc == 3 ? std::atoi(argv[1]) : 0;
  const double seconds = argc == 3 ? std::atof(argv[2]) : 0;
  if (rounds < 1 || !(seconds > 0)) {
    std::fputs(
        "usage: pipeline_bench ROUNDS SECONDS_PER_RUN\n"
        "prints: messages_per_s_with_statistics messages_per_s_without ratio (medians)\n",
        stderr);
    return EXIT_FAILURE;
  }
  std::vector<double> with;
  std::vector<double> without;
  for (int round = 0; round < rounds; ++round) {
    with.push_back(
        messages_per_s(ConsumerAccount::Timing::kOn, std::chrono::duration<double>(seconds)));
    without.push_back(
        messages_per_s(ConsumerAccount::Timing::kOff, std::chrono::duration<double>(seconds)));
  }
  std::printf("%.0f %.0f %.3f\n", median(with), median(without), median(with) / median(without));
}
