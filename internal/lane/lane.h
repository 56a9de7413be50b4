// Everything between a schedule and a target: token bucket, producers, channel and spool, consumers
// with their connections, and the objects that count messages. A run has one lane.
//
// One thread makes the calls below, in their order. Any thread may end the lane early, through its
// ending or by fail(). Borrows plan, target and clock, which must outlive it.
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
#include "stats/series.h"

namespace loadgen {

// What a lane needs and takes ownership of.
struct LaneParts {
  std::unique_ptr<Spool> spool;  // null = none
  std::string target_name;       // as the spool remembers it
  std::unique_ptr<DeliveryState> delivery;
  // Off only in benchmarks, to measure the cost of timing.
  ConsumerAccount::Timing timing = ConsumerAccount::Timing::kOn;
};

// The result of a lane, and what an audit needs to check it.
struct LaneEnd {
  LaneResult result;
  SequenceSet produced;
  SequenceSet acknowledged;  // commit confirmed
  // A thread is stuck and cannot be joined. After the report is published the process must exit.
  bool has_stuck_thread = false;
};

class Lane {
 public:
  // Throws std::bad_alloc when the channel is too large.
  Lane(const Plan& plan, Target& target, Clock& clock, LaneParts parts);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  // Interrupts and joins the threads that are still at work.
  ~Lane();

  // Adds one consumer for each of --consumers; `connect` makes its connection.
  void connect(const std::function<void(Courier&)>& connect);
  // Starts all threads; they wait for begin(). Throws SetupError.
  void start();
  // Begins the schedule now. Returns its start.
  TimePoint begin();
  // Block until all producers, then all consumers, are done, but not beyond the ending's deadline.
  void await_producers();
  void await_consumers();
  // Counts the leftovers and closes the accounts and the file for unsent messages.
  LaneEnd finish();

  // Change the number of producers or consumers: see Crew::resize. Thread-safe, after begin().
  void resize_producers(std::uint32_t count) { producers_.resize(count); }
  void resize_consumers(std::uint32_t count) { consumers_.resize(count); }

  // Ends the lane because nothing more can be stored. Thread-safe.
  void fail(const WriteResult& why);
  // Cuts off writes in progress. Thread-safe.
  void interrupt();

  [[nodiscard]] Ending& ending() { return ending_; }
  [[nodiscard]] const Custody& custody() const { return custody_; }
  [[nodiscard]] const Channel& channel() const { return *channel_; }
  // The one in force.
  [[nodiscard]] const Schedule& schedule() const { return tickets_.schedule(); }
  // What it looks like from outside now. Thread-safe.
  [[nodiscard]] Outlook outlook() const;
  [[nodiscard]] Sampler& sampler() { return books_.sampler; }
  [[nodiscard]] const Generator& generator() const { return generator_; }
  // For the lane's couriers, and for those that deliver what earlier runs left.
  [[nodiscard]] const DeliveryContext& delivery() const { return context_; }

 private:
  // What workers had in hand when they ended by an exception: normally nothing.
  struct InHand {
    std::mutex mutex;
    // Guarded by mutex.
    std::vector<std::pair<std::uint32_t, ProducerAccount::Closed>> of_producers;
    std::vector<ConsumerAccount::Closed> of_consumers;
  };
  struct ThreadUses {
    std::mutex mutex;
    // Guarded by mutex.
    std::vector<ThreadUse> ended;
  };
  // Where workers record sequences and counts.
  struct Books {
    SharedSequenceSet produced{};
    SharedSequenceSet acknowledged{};
    Sampler sampler{};
    UnsentBox unsent;
    InHand in_hand{};
    ThreadUses threads{};
  };
  struct ProducerWorker {
    ProducerWorker(std::uint32_t nth, std::size_t most_tickets, SharedSequenceSet& produced)
        : number(nth), account(most_tickets, produced) {}
    const std::uint32_t number;
    ProducerAccount account;
  };
  struct ConsumerWorker {
    ConsumerWorker(std::uint32_t nth, const DeliveryContext& delivery, const LaneParts& parts,
                   std::size_t batch_size, SharedSequenceSet& acknowledged)
        : number(nth),
          courier(std::in_place, delivery),
          account(batch_size, acknowledged, parts.timing) {}
    const std::uint32_t number;
    std::optional<Courier> courier;  // empty when the consumer is done
    ConsumerAccount account;
  };
  // What to do when a phase is entered.
  using Reaction = std::stop_callback<std::function<void()>>;
  struct Reactions {
    Reaction draining;
    Reaction giving_up;
    Reaction interrupting;
  };
  struct Course {
    std::latch gate{1};  // threads wait here for begin()
    bool is_open = false;
    TimePoint begin;  // of production; constant once the gate is open
    TimePoint producers_done;
    TimePoint consumers_done;
    std::size_t stuck = 0;  // threads
  };

  struct Watches {
    std::optional<Watchdog> attempts;
    std::jthread spool;
  };

  std::unique_ptr<ProducerWorker> make_producer(std::uint32_t number);
  std::unique_ptr<ConsumerWorker> make_consumer(std::uint32_t number);
  void produce_as(ProducerWorker& worker, const std::stop_token& retire);
  void consume_as(ConsumerWorker& worker, const std::stop_token& retire);
  void fold(ProducerWorker& worker);
  void fold(ConsumerWorker& worker);
  [[nodiscard]] CrewRules<ProducerWorker> producer_rules();
  [[nodiscard]] CrewRules<ConsumerWorker> consumer_rules();
  template <typename Work>
  void work(ThreadUse::Role role, std::uint32_t number, Work work);
  template <typename Worker>
  std::size_t await(Crew<Worker>& crew, const char* role, const char* place);
  void open_gate();
  bool note_failure(const WriteResult& why);
  [[nodiscard]] std::optional<TimePoint> cut_off(TimePoint overdue);
  void watch_spool(const std::stop_token& stop);
  [[nodiscard]] std::vector<ThreadUse> ended_threads();
  void put_by_what_was_in_hand(Leftovers& leftovers);
  [[nodiscard]] std::optional<nanoseconds> oldest_missing(const SequenceSet& acknowledged,
                                                          std::uint64_t scheduled) const;

  // Constant after construction.
  const Plan& plan_;
  Clock& clock_;
  const LaneParts parts_;
  const Generator generator_;

  // In the order in which data flows through them. Each is thread-safe.
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
