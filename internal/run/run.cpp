#include "run/run.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "channel/memory_channel.h"
#include "consumer/consumer.h"
#include "limiter/token_bucket.h"
#include "loadgen_version.h"
#include "producer/producer.h"
#include "report/json_report.h"
#include "report/judge.h"
#include "run/coordinator.h"
#include "run/machine.h"
#include "run/progress.h"
#include "run/signals.h"

namespace loadgen {
namespace {

using Role = Coordinator::Role;

// Everything one run is made of. Members are declared in the order data walks through them; threads
// come last, so that they are joined before what they use is gone.
class Pipeline {
 public:
  Pipeline(const Plan& plan, Target& target, Clock& clock)
      : plan_(plan),
        options_(plan.options),
        target_(target),
        clock_(clock),
        anchor_{clock.now(), clock.wall_now()},
        generator_(plan.seed, options_.message_size),
        tickets_(plan.schedule, {.burst = options_.burst, .max_lag = options_.max_lag}, clock),
        channel_(options_.queue_capacity, options_.on_full, clock),
        coordinator_(clock, options_.drain_timeout) {}

  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  // A step may throw while threads run: they must not wait for each other for ever.
  ~Pipeline() {
    if (!producers_.empty() || !consumers_.empty()) abort_writes();
  }

  void connect();
  void start_consumers();
  void start_producers();
  void await_producers();
  void close_channel();
  void await_consumers();
  RunReport finish();

  void on_signal(int signal, int nth);

 private:
  template <typename Body>
  std::jthread start_thread(Role role, Body body);
  void stop_production(int signal);
  void give_up();
  void abort_writes();
  void on_failure(const WriteResult& result);
  [[nodiscard]] Options settled_config() const;
  [[nodiscard]] Counts count_messages() const;
  void audit_run(RunReport& report);
  void record_result(RunReport& report);

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
  MemoryChannel channel_;
  std::vector<std::unique_ptr<Sink>> sinks_;  // one for each consumer
  SharedSequenceSet acknowledged_;
  LiveCounters live_;
  std::stop_source giving_up_;   // no further frame is begun
  std::stop_source aborting_;    // writes are being interrupted
  std::stop_source user_abort_;  // ... because a second signal asked for it
  Coordinator coordinator_;
  bool drain_timed_out_ = false;
  std::unique_ptr<ProducerContext> producer_context_;
  std::unique_ptr<ConsumerContext> consumer_context_;
  std::vector<ProducerTotals> producer_totals_;  // one slot for each thread
  std::vector<ConsumerTotals> consumer_totals_;
  std::vector<LatencyRecorder> recorders_;

  std::vector<std::jthread> consumers_;
  std::vector<std::jthread> producers_;
  std::jthread progress_;
};

void Pipeline::connect() {
  for (std::uint32_t i = 0; i < options_.consumers; ++i) {
    sinks_.push_back(target_.connect({.run_id = plan_.run_id, .anchor = anchor_}));
  }
  // Last, so that a run that cannot start leaves no record.
  target_.record_start({.run_id = plan_.run_id,
                        .app_version = kVersion,
                        .started_at = anchor_.wall,
                        .config_json = json_config(settled_config())});
}

template <typename Body>
std::jthread Pipeline::start_thread(Role role, Body body) {
  coordinator_.thread_started(role);
  try {
    return std::jthread([this, role, body] {
      body();
      coordinator_.thread_done(role);
    });
  } catch (const std::system_error& error) {
    throw SetupError(fmt::format("cannot start {} producers and {} consumers: {}",
                                 options_.producers, options_.consumers, error.what()));
  }
}

void Pipeline::start_consumers() {
  spdlog::info("Starting consumers...");
  consumer_context_ = std::make_unique<ConsumerContext>(
      ConsumerContext{.channel = channel_,
                      .clock = clock_,
                      .acknowledged = acknowledged_,
                      .live = live_,
                      .limits = {.batch_size = options_.batch_size, .linger = options_.linger},
                      .give_up = giving_up_.get_token(),
                      .on_failure = [this](const WriteResult& result) { on_failure(result); }});
  consumer_totals_.resize(options_.consumers);
  recorders_.resize(options_.consumers);
  for (std::uint32_t i = 0; i < options_.consumers; ++i) {
    consumers_.push_back(start_thread(Role::kConsumer, [this, i] {
      consumer_totals_[i] = consume(*consumer_context_, *sinks_[i], &recorders_[i]);
    }));
  }
}

void Pipeline::start_producers() {
  spdlog::info("Starting producers...");
  start_ = clock_.now();
  const auto end = plan_.schedule.end();
  coordinator_.expect_end(end ? std::optional(start_ + *end) : std::nullopt);
  tickets_.start(start_);
  producer_context_ = std::make_unique<ProducerContext>(ProducerContext{
      .tickets = tickets_,
      .channel = channel_,
      .generator = generator_,
      .clock = clock_,
      .produced = produced_,
      .live = live_,
      .on_overflow = [this] {
        on_failure(
            {WriteOutcome::kNotWritten,
             {"channel_full", "the channel is full, and --on-full=abort ends the run then"}});
      }});
  producer_totals_.resize(options_.producers);
  for (std::uint32_t i = 0; i < options_.producers; ++i) {
    producers_.push_back(start_thread(
        Role::kProducer, [this, i] { producer_totals_[i] = produce(*producer_context_, i); }));
  }
  if (options_.progress && !options_.quiet) {
    const ProgressSource source{live_, channel_, clock_, start_, end};
    progress_ = std::jthread([source, interval = *options_.progress](const std::stop_token& stop) {
      show_progress(source, interval, stop);
    });
  }
}

void Pipeline::await_producers() {
  if (coordinator_.wait_for(Role::kProducer) == Coordinator::Wait::kTimedOut) {
    // The target was so slow that the schedule's backlog outlived the drain timeout.
    drain_timed_out_ = true;
    abort_writes();
  }
  producers_.clear();  // joins
  tickets_.close();
  producers_done_ = clock_.now();
}

void Pipeline::close_channel() {
  spdlog::info("All producers finished, closing channel...");
  channel_.close();
}

void Pipeline::await_consumers() {
  if (coordinator_.wait_for(Role::kConsumer) == Coordinator::Wait::kTimedOut) {
    drain_timed_out_ = true;
    spdlog::warn("The drain timeout has passed; giving up on what is not written yet.");
    abort_writes();
    if (coordinator_.wait_for(Role::kConsumer) == Coordinator::Wait::kTimedOut) {
      // Stuck in the kernel, where nothing can reach it: joining would never end.
      spdlog::error("A write cannot be interrupted; leaving without a report.");
      std::_Exit(kExitFailed);
    }
  }
  consumers_.clear();  // joins
  consumers_done_ = clock_.now();
  progress_ = {};  // ends the line before the report
}

void Pipeline::on_signal(int signal, int nth) {
  const std::string name = sigabbrev_np(signal);
  if (nth == 1) {
    spdlog::info("SIG{}: stopping producers and draining; once more aborts.", name);
    stop_production(signal);
  } else if (nth == 2) {
    spdlog::warn("SIG{} again: aborting writes; once more exits at once.", name);
    user_abort_.request_stop();
    abort_writes();
    target_.interrupt();
  } else {
    std::_Exit(kExitSignal + signal);
  }
}

// Time stops: no further ticket is handed out.
void Pipeline::stop_production(int signal) {
  coordinator_.stop_production(signal);
  tickets_.close();
}

// Data stops: consumers finish the frame they are writing and begin no other.
void Pipeline::give_up() {
  stop_production(0);
  giving_up_.request_stop();
  channel_.close();
}

void Pipeline::abort_writes() {
  aborting_.request_stop();
  give_up();
  coordinator_.note_abort();
  for (const auto& sink : sinks_) sink->interrupt();
}

void Pipeline::on_failure(const WriteResult& result) {
  // Aborting makes writes fail; that is its meaning, not the target's fault.
  if (aborting_.stop_requested()) return;
  spdlog::error("A write failed, ending the run: {} ({})", result.error.message, result.error.code);
  coordinator_.note_failure(result);
  give_up();
}

Options Pipeline::settled_config() const {
  Options config = options_;
  config.seed = plan_.seed;
  config.insert = target_.info().insert;
  config.db = redact(config.db);
  return config;
}

Counts Pipeline::count_messages() const {
  ProducerTotals made;
  for (const ProducerTotals& totals : producer_totals_) made += totals;
  ConsumerTotals taken;
  for (const ConsumerTotals& totals : consumer_totals_) taken += totals;
  const TokenBucket::Totals tickets = tickets_.totals();
  return {.scheduled = tickets.scheduled,
          .skipped = tickets.skipped,
          .produced = made.produced,
          .stored = taken.stored,
          .dropped = made.dropped,
          .unsent = made.unsent + taken.unsent + channel_.stats().depth,
          .in_doubt = taken.in_doubt};
}

RunReport Pipeline::finish() {
  RunReport report;
  report.run_id = plan_.run_id;
  report.started_at = anchor_.wall_at(start_);
  report.ended_at = anchor_.wall_at(consumers_done_);
  report.config = settled_config();
  report.environment = describe_machine();
  report.database = target_.info();
  report.counts = count_messages();
  report.queue = channel_.stats();
  report.drain_timed_out = drain_timed_out_;
  report.interrupted_by = coordinator_.interrupted_by();

  ConsumerTotals taken;
  for (const ConsumerTotals& totals : consumer_totals_) taken += totals;
  for (LatencyRecorder& recorder : recorders_) report.latency.merge(std::move(recorder).finish());
  report.batches = {taken.frames_full, taken.frames_linger, taken.frames_drain};
  report.writing = taken.writing;
  report.produce_time = producers_done_ - start_;
  report.drain_time = consumers_done_ - producers_done_;
  const bool all_stored = taken.stored == report.counts.produced && taken.stored > 0;
  report.total_time = (all_stored ? taken.last_commit : consumers_done_) - start_;

  if (const auto failure = coordinator_.failure()) {
    report.target_failed = true;
    report.errors.push_back(
        {.code = failure->first.error.code,
         .error_class = failure->first.outcome == WriteOutcome::kInDoubt ? "in_doubt" : "fatal",
         .count = failure->count,
         .message = failure->first.error.message});
  }
  report.client = client_usage();
  audit_run(report);
  report.verdict = verdict(report);
  report.exit_code = exit_code(report);
  record_result(report);
  return report;
}

void Pipeline::audit_run(RunReport& report) {
  if (user_abort_.stop_requested()) {
    spdlog::warn("Aborted: the table was not audited.");
    return;
  }
  const SequenceSet acknowledged = acknowledged_.take();
  const SequenceSet produced = produced_.take();
  try {
    report.audit = audit(target_, {plan_.run_id, acknowledged, produced, generator_},
                         options_.verify, user_abort_.get_token());
  } catch (const SetupError& error) {
    report.audit.mode = options_.verify;
    if (user_abort_.stop_requested()) return;
    spdlog::error("The table could not be audited: {}", error.what());
    report.target_failed = true;
    report.errors.push_back({"audit", "fatal", 1, error.what()});
  }
}

void Pipeline::record_result(RunReport& report) {
  if (user_abort_.stop_requested()) return;  // whoever aborts does not want to wait for a database
  try {
    target_.record_end(plan_.run_id, report.ended_at, json_report(report));
  } catch (const SetupError& error) {
    // The result itself is complete; only its copy in the database is missing.
    spdlog::warn("The result could not be recorded in the database: {}", error.what());
  }
}

}  // namespace

RunReport run_pipeline(const Plan& plan, Target& target, Clock& clock) {
  spdlog::info("Starting application...");
  target.open();
  Pipeline pipeline(plan, target, clock);
  pipeline.connect();
  // Until here a signal simply ends the process: nothing has been produced.
  const SignalWatcher signals([&](int signal, int nth) { pipeline.on_signal(signal, nth); });
  pipeline.start_consumers();
  pipeline.start_producers();
  pipeline.await_producers();
  pipeline.close_channel();
  pipeline.await_consumers();
  return pipeline.finish();
}

}  // namespace loadgen
