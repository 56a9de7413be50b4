// Everything between a schedule and a target: token bucket, producers, channel and spool, consumers
// with their connections, and what counts the messages on their way. A run is one lane.
//
// One thread takes it through its life, in the order of the calls below; any thread may end it
// early by its ending, or by fail(). Borrows plan, target and clock, which must outlive it.
#pragma once

#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "channel/channel.h"
#include "consumer/consumer.h"
#include "delivery/delivery_state.h"
#include "delivery/unsent_box.h"
#include "delivery/watchdog.h"
#include "lane/crew.h"
#include "lane/ending.h"
#include "lane/lane_result.h"
#include "lane/leftovers.h"
#include "limiter/token_bucket.h"
#include "model/generator.h"
#include "model/sequence_set.h"
#include "plan/plan.h"
#include "producer/producer.h"
#include "sink/sink.h"
#include "stats/sampler.h"

namespace loadgen {

// What a lane stands on and takes over.
struct LaneParts {
  std::unique_ptr<Spool> spool;  // if there is one
  std::string target_name;       // as the spool remembers it
  std::unique_ptr<DeliveryState> delivery;
  // Off for benchmarks alone, which measure what timing costs.
  ConsumerAccount::Timing timing = ConsumerAccount::Timing::kOn;
};

// What a lane came to, and what an audit needs to check it.
struct LaneEnd {
  LaneResult result;
  SequenceSet produced;
  SequenceSet acknowledged;  // their commit was confirmed
  // A thread is stuck where nothing reaches it, and cannot be joined: once the report is delivered,
  // nothing is left but to end the process.
  bool has_stuck_thread = false;
};

class Lane {
 public:
  // Throws std::bad_alloc when the channel is too large.
  Lane(const Plan& plan, Target& target, Clock& clock, LaneParts parts);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  // Interrupts and joins what is still at work.
  ~Lane();

  // A consumer's connection for each of --consumers, which `connect` makes.
  void connect(const std::function<void(Courier&)>& connect);
  // Starts all threads; they wait for begin(). Throws SetupError.
  void start();
  // The schedule begins now: returns when that is.
  TimePoint begin();
  // Blocks until all producers are done and then all consumers, for no longer than the ending's
  // deadline allows.
  void await_producers();
  void await_consumers();
  // Counts what is left, closes the file for unsent messages, and the accounts.
  LaneEnd finish();

  // So many producers or consumers from now on: see Crew::resize. Thread-safe; once the lane has
  // begun.
  void resize_producers(std::uint32_t count) { producers_.resize(count); }
  void resize_consumers(std::uint32_t count) { consumers_.resize(count); }

  // Nothing more can be stored: the lane ends. Thread-safe.
  void fail(const WriteResult& why);
  // Cuts off writes in progress. Thread-safe.
  void interrupt();

  [[nodiscard]] Ending& ending() { return ending_; }
  [[nodiscard]] const Custody& custody() const { return custody_; }
  [[nodiscard]] const Channel& channel() const { return *channel_; }
  // As it is in force.
  [[nodiscard]] const Schedule& schedule() const { return tickets_.schedule(); }
  [[nodiscard]] Sampler& sampler() { return books_.sampler; }
  [[nodiscard]] const Generator& generator() const { return generator_; }
  // For its couriers, and those that deliver what earlier runs left.
  [[nodiscard]] const DeliveryContext& delivery() const { return context_; }

 private:
  // What workers had in hand when they ended by an exception: as a rule nothing.
  struct InHand {
    std::mutex mutex;
    // Guarded by mutex.
    std::vector<std::pair<std::uint32_t, ProducerAccount::Closed>> of_producers;
    std::vector<ConsumerAccount::Closed> of_consumers;
  };
  // The books of the lane: what its workers write their sequences and numbers into.
  struct Books {
    SharedSequenceSet produced{};
    SharedSequenceSet acknowledged{};
    Sampler sampler{};
    UnsentBox unsent;
    InHand in_hand{};
  };
  struct ProducerWorker {
    ProducerWorker(std::uint32_t nth, std::size_t most_tickets, SharedSequenceSet& produced)
        : number(nth), account(most_tickets, produced) {}
    const std::uint32_t number;
    ProducerAccount account;
  };
  struct ConsumerWorker {
    ConsumerWorker(const DeliveryContext& delivery, std::size_t batch_size,
                   SharedSequenceSet& acknowledged, ConsumerAccount::Timing timing)
        : courier(std::in_place, delivery), account(batch_size, acknowledged, timing) {}
    std::optional<Courier> courier;  // until the consumer is done
    ConsumerAccount account;
  };
  // What entering a phase does.
  using Reaction = std::stop_callback<std::function<void()>>;
  struct Reactions {
    Reaction draining;
    Reaction giving_up;
    Reaction interrupting;
  };
  struct Course {
    std::latch gate{1};  // threads wait here until all of them are there
    TimePoint begin;     // of production; constant once the gate is open
    TimePoint producers_done;
    TimePoint consumers_done;
    std::size_t stuck = 0;  // threads
  };

  struct Watches {
    std::optional<Watchdog> attempts;
    std::jthread spool;
  };

  std::unique_ptr<ProducerWorker> make_producer(std::uint32_t number);
  std::unique_ptr<ConsumerWorker> make_consumer();
  void produce_as(ProducerWorker& worker, const std::stop_token& retire);
  void consume_as(ConsumerWorker& worker, const std::stop_token& retire);
  void fold(ProducerWorker& worker);
  void fold(ConsumerWorker& worker);
  [[nodiscard]] CrewRules<ProducerWorker> producer_rules();
  [[nodiscard]] CrewRules<ConsumerWorker> consumer_rules();
  template <typename Work>
  void work(Work work);
  template <typename Worker>
  std::size_t await(Crew<Worker>& crew, const char* role, const char* place);
  void open_gate();
  bool note_failure(const WriteResult& why);
  [[nodiscard]] std::optional<TimePoint> cut_off(TimePoint overdue);
  void watch_spool(const std::stop_token& stop);
  void put_by_what_was_in_hand(Leftovers& leftovers);
  [[nodiscard]] std::optional<nanoseconds> oldest_missing(const SequenceSet& acknowledged,
                                                          std::uint64_t scheduled) const;

  // Constant after construction.
  const Plan& plan_;
  Clock& clock_;
  const LaneParts parts_;
  const Generator generator_;

  // In the order in which data walks through them; thread-safe, each.
  Ending ending_;
  TokenBucket tickets_;
  const DeliveryContext context_;
  Custody custody_;
  const std::unique_ptr<Channel> channel_;
  Books books_;
  Course course_;

  Crew<ConsumerWorker> consumers_;
  Crew<ProducerWorker> producers_;
  const Reactions reactions_;
  Watches watches_;
};

}  // namespace loadgen
