// Everything one run is made of, and its steps in the order run.cpp calls them. Known to run/
// alone.
#pragma once

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/memory_reserve.h"
#include "channel/make_channel.h"
#include "consumer/consumer.h"
#include "delivery/unsent_box.h"
#include "delivery/watchdog.h"
#include "limiter/token_bucket.h"
#include "model/generator.h"
#include "plan/plan.h"
#include "producer/producer.h"
#include "report/run_report.h"
#include "run/coordinator.h"
#include "sink/sink.h"
#include "stats/sampler.h"

namespace loadgen {

// Members are declared in the order data walks through them; threads come last, so that they are
// joined before what they use is gone.
class Pipeline {
 public:
  // Throws UsageError when the spool cannot be used.
  Pipeline(const Plan& plan, Target& target, Clock& clock);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();

  void open_target();
  void resume_spooled();
  void connect();
  void start_consumers();
  void start_producers();
  void begin();
  void start_helpers();
  void await_producers();
  void close_channel();
  void await_consumers();
  RunReport finish();
  void record_result(const RunReport& report);
  // A thread is stuck where nothing reaches it, and cannot be joined: once the report is delivered,
  // nothing is left but to end the process.
  [[nodiscard]] bool has_stuck_thread() const { return stuck_producers_ + stuck_consumers_ > 0; }

  void on_signal(int signal, int nth);

 private:
  using Role = Coordinator::Role;

  template <typename Body>
  std::jthread start_thread(Role role, Body body);
  template <typename Step>
  void set_up(Step step);
  void stop_production(int signal);
  void give_up();
  void abort_writes();
  void interrupt_couriers();
  void on_error(const WriteResult& result);
  void on_failure(const WriteResult& result);
  void on_low_memory();
  [[nodiscard]] Options settled_config() const;
  [[nodiscard]] DeliveryContext delivery_context();
  [[nodiscard]] std::size_t await(Role role);
  [[nodiscard]] std::vector<Message> make_again(std::span<const Ticket> tickets,
                                                std::uint32_t producer) const;
  void close_producers();
  void close_consumers();
  void put_by(std::span<const Message> rest);
  [[nodiscard]] Counts count_messages(const Sample& sample) const;
  void keep_the_rest();
  SequenceSet save_from_gone_spool();
  void compare_with_spool();
  void watch_spool(const std::stop_token& stop);
  void note_drain_timeout();
  void open_gate();
  [[nodiscard]] std::optional<nanoseconds> oldest_missing(const SequenceSet& acknowledged,
                                                          std::uint64_t scheduled) const;
  void audit_run(RunReport& report, std::uint64_t resent);

  const Plan& plan_;
  const Options& options_;
  Target& target_;
  Clock& clock_;
  const WallAnchor anchor_;
  TimePoint start_;  // of production
  TimePoint producers_done_;
  TimePoint consumers_done_;

  const Generator generator_;
  TokenBucket tickets_;
  SharedSequenceSet produced_;
  std::unique_ptr<Spool> spool_;  // if there is one
  const SpooledRun spooled_run_;
  std::unique_ptr<Channel> channel_;
  UnsentBox unsent_;
  Tally left_;  // in the channel, and in the hands of threads: what no meter has counted
  bool spool_agrees_ = true;  // it holds as many
  std::string unsent_problem_;
  std::vector<ResumedRun> resumed_;
  DeadLetterBox dead_letters_;
  CircuitBreaker breaker_;
  RetryBudget retry_budget_;
  std::unique_ptr<DeliveryContext> delivery_context_;
  std::mutex couriers_mutex_;  // guards the list, not them: those interrupting against the end
  std::vector<std::unique_ptr<Courier>> couriers_;  // one for each consumer
  SharedSequenceSet acknowledged_;
  Sampler sampler_;
  std::stop_source giving_up_;   // no further frame is begun
  std::stop_source aborting_;    // writes are being interrupted
  std::stop_source user_abort_;  // ... because a second signal asked for it
  Coordinator coordinator_;
  std::latch gate_{1};  // threads wait here until all of them are there
  bool drain_timed_out_ = false;
  std::atomic<bool> drained_{false};
  std::atomic<int> aborted_by_{0};  // the signal that asked for it
  std::unique_ptr<ProducerContext> producer_context_;
  std::unique_ptr<ConsumerContext> consumer_context_;
  std::vector<std::unique_ptr<ProducerAccount>> producer_accounts_;  // one for each thread
  std::vector<std::unique_ptr<ConsumerAccount>> consumer_accounts_;
  std::size_t stuck_producers_ = 0;
  std::size_t stuck_consumers_ = 0;

  std::vector<std::jthread> consumers_;
  std::vector<std::jthread> producers_;
  std::optional<Watchdog> watchdog_;
  std::jthread progress_;
  std::jthread spool_watch_;
  std::optional<MemoryReserve> memory_reserve_;
};

}  // namespace loadgen
