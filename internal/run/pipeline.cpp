#include "run/pipeline.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>

#include "base/background_thread.h"
#include "base/error.h"
#include "base/redact.h"
#include "loadgen_version.h"
#include "report/json_report.h"
#include "report/judge.h"
#include "run/await_database.h"
#include "run/log.h"
#include "run/progress.h"
#include "run/resume.h"

namespace loadgen {

namespace {

constexpr std::chrono::milliseconds kLookAtSpool{500};

WriteError fatal_error(std::string code, std::string message) {
  return {
      .code = std::move(code), .message = std::move(message), .error_class = ErrorClass::kFatal};
}

}  // namespace

Pipeline::Pipeline(const Plan& plan, Target& target, Clock& clock)
    : plan_(plan),
      options_(plan.options),
      target_(target),
      clock_(clock),
      anchor_{clock.now(), clock.wall_now()},
      generator_(plan.seed, options_.message_size),
      tickets_(plan.schedule, {.burst = options_.burst, .max_lag = options_.max_lag}, clock),
      spool_(options_.spool.empty() ? nullptr : std::make_unique<Spool>(options_.spool, clock)),
      spooled_run_{.run_id = plan.run_id,
                   .target = spool_ ? target_names(options_, target).front() : "",
                   .seed = plan.seed,
                   .message_size = options_.message_size,
                   .exactly_once = options_.delivery == Delivery::kExactlyOnce,
                   .all_spooled = options_.on_full != OnFull::kSpill,
                   .anchor = anchor_},
      channel_(make_channel({.capacity = options_.queue_capacity,
                             .on_full = options_.on_full,
                             .clock = clock,
                             .spool = spool_.get(),
                             .run = spooled_run_,
                             .target_is_down = [this] { return breaker_.holds_back(); }})),
      unsent_(options_.unsent, {.run_id = plan.run_id, .anchor = anchor_}),
      dead_letters_(options_.dead_letter, options_.max_dead_letters),
      breaker_(options_.breaker, {options_.retry_delay.shortest, options_.retry_delay.longest},
               plan.seed, clock, log_transition),
      coordinator_(clock, options_.drain_timeout) {
  if (spool_) check_spool(*spool_, target_names(options_, target), options_.delivery, clock);
}

// A step may throw while threads run: they must not wait for each other for ever.
Pipeline::~Pipeline() {
  if (producers_.empty() && consumers_.empty()) return;
  progress_.request_stop();
  abort_writes();
  open_gate();
}

template <typename Step>
void Pipeline::set_up(Step step) {
  constexpr const char* kTooManyConnections = "53300";  // of Postgres
  try {
    await_database(
        clock_, options_,
        [this] {
          target_.interrupt();
          interrupt_couriers();
        },
        step);
  } catch (const ConnectError& error) {
    if (error.error().code != kTooManyConnections) throw;
    // One more for the run's own record and the audit, while the consumers keep theirs.
    throw SetupError(fmt::format("{}; --consumers={} needs {} connections", error.what(),
                                 options_.consumers, options_.consumers + 1));
  }
}

void Pipeline::open_target() {
  set_up([&] { target_.open(); });
  log_notes(target_.info());
}

void Pipeline::resume_spooled() {
  if (spool_) resumed_ = resume(*spool_, delivery_context(), options_);
}

DeliveryContext Pipeline::delivery_context() {
  return {.target = target_,
          .run = {.run_id = plan_.run_id, .anchor = anchor_},
          .clock = clock_,
          .breaker = breaker_,
          .budget = retry_budget_,
          .dead_letters = dead_letters_,
          .policy = {.delivery = options_.delivery,
                     .retries = options_.retries,
                     .outage = {options_.retry_delay.shortest, options_.retry_delay.longest},
                     .timeout = options_.timeout},
          .give_up = giving_up_.get_token(),
          .on_error = [this](const WriteResult& result) { on_error(result); }};
}

void Pipeline::connect() {
  delivery_context_ = std::make_unique<DeliveryContext>(delivery_context());
  for (std::uint32_t i = 0; i < options_.consumers; ++i) {
    {
      const std::lock_guard lock(couriers_mutex_);
      couriers_.push_back(std::make_unique<Courier>(*delivery_context_));
    }
    set_up([&] { couriers_.back()->connect(); });
  }
}

template <typename Body>
std::jthread Pipeline::start_thread(Role role, Body body) {
  coordinator_.thread_started(role);
  try {
    return std::jthread([this, role, body] {
      gate_.wait();
      try {
        body();
      } catch (const std::bad_alloc&) {
        give_up();  // the reserve is used up, and its use is told as the failure
      } catch (const std::exception& error) {
        on_failure({WriteOutcome::kNotWritten, fatal_error("exception", error.what())});
      }
      coordinator_.thread_done(role);
    });
  } catch (const std::system_error& error) {
    coordinator_.thread_done(role);
    throw SetupError(fmt::format("cannot start {} producers and {} consumers: {}",
                                 options_.producers, options_.consumers, error.what()));
  }
}

void Pipeline::start_consumers() {
  spdlog::info("Starting consumers...");
  consumer_context_ = std::make_unique<ConsumerContext>(ConsumerContext{
      .channel = *channel_,
      .clock = clock_,
      .limits = {.batch_size = options_.batch_size,
                 .linger = options_.linger,
                 .max_lag = options_.max_lag},
      .give_up = giving_up_.get_token(),
      .on_failure = [this](const WriteResult& result) { on_failure(result); },
      .on_unsent = [this](const LostMessages& lost) { unsent_.add(lost); },
      .on_doubt = [this](std::span<const Message> frame) { unsent_.add_in_doubt(frame); }});
  for (std::uint32_t i = 0; i < options_.consumers; ++i) {
    consumer_accounts_.push_back(
        std::make_unique<ConsumerAccount>(options_.batch_size, acknowledged_));
    sampler_.watch(consumer_accounts_.back()->meter());
  }
  for (std::uint32_t i = 0; i < options_.consumers; ++i) {
    consumers_.push_back(start_thread(Role::kConsumer, [this, i] {
      consume(*consumer_context_, *couriers_[i], *consumer_accounts_[i]);
    }));
  }
}

void Pipeline::start_producers() {
  producer_context_ = std::make_unique<ProducerContext>(ProducerContext{
      .tickets = tickets_,
      .channel = *channel_,
      .generator = generator_,
      .clock = clock_,
      .on_refused =
          [this](PushStatus status) {
            on_failure(
                {WriteOutcome::kNotWritten,
                 status == PushStatus::kFull
                     ? fatal_error("channel_full",
                                   "the channel is full, and --on-full=abort ends the run then")
                     : fatal_error("spool", channel_->problem())});
          },
      .on_unsent = [this](const LostMessages& lost) { unsent_.add(lost); }});
  const std::size_t most_tickets = tickets_at_a_time(options_.queue_capacity, options_.producers);
  for (std::uint32_t i = 0; i < options_.producers; ++i) {
    producer_accounts_.push_back(std::make_unique<ProducerAccount>(most_tickets, produced_));
    sampler_.watch(producer_accounts_.back()->meter());
  }
  for (std::uint32_t i = 0; i < options_.producers; ++i) {
    producers_.push_back(start_thread(
        Role::kProducer, [this, i] { produce(*producer_context_, i, *producer_accounts_[i]); }));
  }
}

// All threads are there: now, and not while they were being started, the schedule begins.
void Pipeline::begin() {
  start_helpers();
  // A run that cannot start leaves no record in the database; one in the spool without messages is
  // forgotten by the next run.
  if (spool_ && spool_->add_run(spooled_run_) != SpoolStatus::kSafe) {
    throw SetupError(spool_->problem());
  }
  set_up([&] {
    target_.record_start({.run_id = plan_.run_id,
                          .app_version = kVersion,
                          .started_at = anchor_.wall,
                          .config_json = json_config(settled_config())});
  });
  spdlog::info("Starting producers...");
  start_ = clock_.now();
  for (const auto& account : consumer_accounts_) account->production_starts(start_);
  const auto end = plan_.schedule.end();
  coordinator_.expect_end(end ? std::optional(start_ + *end) : std::nullopt);
  tickets_.start(start_);
  open_gate();
}

// Before the gate opens: a thread that cannot be started ends a run that has not begun.
void Pipeline::start_helpers() {
  try {
    memory_reserve_.emplace([this] { on_low_memory(); });
    watchdog_.emplace(couriers_, Watchdog::patience(options_.timeout), clock_);
    if (spool_) {
      spool_watch_ =
          start_background_thread([this](const std::stop_token& stop) { watch_spool(stop); });
    }
    if (options_.progress && !options_.quiet) {
      progress_ = std::jthread([this](const std::stop_token& stop) {
        gate_.wait();
        if (stop.stop_requested()) return;
        show_progress({sampler_, *channel_, clock_, start_, plan_.schedule.end()},
                      *options_.progress, stop);
      });
    }
  } catch (const std::system_error& error) {
    throw SetupError(fmt::format("cannot start a thread: {}", error.what()));
  }
}

// A spool may be deleted while nobody writes to it, and the messages in it with it.
void Pipeline::watch_spool(const std::stop_token& stop) {
  while (clock_.sleep_until(clock_.now() + kLookAtSpool, stop)) {
    if (spool_->check_in_place()) continue;
    on_failure({WriteOutcome::kNotWritten, fatal_error("spool", spool_->problem())});
    return;
  }
}

// Waits for all threads of the role, for the drain timeout and a moment more to be interrupted in;
// returns how many of them are stuck.
std::size_t Pipeline::await(Role role) {
  if (coordinator_.wait_for(role) == Coordinator::Wait::kDone) return 0;
  note_drain_timeout();
  abort_writes();
  if (coordinator_.wait_for(role) == Coordinator::Wait::kDone) return 0;
  const std::size_t stuck = coordinator_.working(role);
  if (stuck == 0) return 0;  // they came just now
  const WriteResult failure{
      WriteOutcome::kNotWritten,
      fatal_error("stuck",
                  fmt::format("{} of {} {} did not come back from the {}", stuck,
                              role == Role::kProducer ? options_.producers : options_.consumers,
                              role == Role::kProducer ? "producers" : "consumers",
                              role == Role::kProducer ? "spool" : "database"))};
  coordinator_.note_failure(failure);
  spdlog::error("Leaving without them: {}.", failure.error.message);
  return stuck;
}

void Pipeline::await_producers() {
  // The target may be so slow that the schedule's backlog outlives the drain timeout.
  stuck_producers_ = await(Role::kProducer);
  if (stuck_producers_ == 0) producers_.clear();  // joins
  tickets_.close();
  producers_done_ = clock_.now();
}

void Pipeline::close_channel() {
  spdlog::info("All producers finished, closing channel...");
  channel_->close();
}

void Pipeline::await_consumers() {
  stuck_consumers_ = await(Role::kConsumer);
  consumers_done_ = clock_.now();
  watchdog_.reset();
  drained_ = true;
  if (stuck_consumers_ == 0) {
    consumers_.clear();  // joins
    // From now on their sockets' numbers may belong to other connections: nobody may interrupt
    // them.
    const std::lock_guard lock(couriers_mutex_);
    couriers_.clear();
  }
  progress_ = {};  // ends the line before the report
  spool_watch_.request_stop();
}

void Pipeline::note_drain_timeout() {
  if (aborting_.stop_requested()) return;  // then waiting ended for another reason
  drain_timed_out_ = true;
  spdlog::warn("The drain timeout has passed; giving up on what is not written yet.");
}

void Pipeline::open_gate() {
  if (!gate_.try_wait()) gate_.count_down();
}

void Pipeline::on_signal(int signal, int nth) {
  const std::string name = sigabbrev_np(signal);
  if (nth == 1) {
    stop_production(signal);
    if (drained_) {
      spdlog::warn("SIG{}: the run is over and is being audited; once more ends the audit.", name);
    } else {
      spdlog::warn("SIG{}: stopping producers and draining; once more aborts.", name);
    }
  } else if (nth == 2) {
    aborted_by_ = signal;
    user_abort_.request_stop();
    abort_writes();
    target_.interrupt();
    spdlog::warn("SIG{} again: aborting {}; once more exits at once.", name,
                 drained_ ? "the audit" : "writes");
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
  channel_->close();
}

void Pipeline::abort_writes() {
  aborting_.request_stop();
  give_up();
  coordinator_.note_abort();
  interrupt_couriers();
}

void Pipeline::interrupt_couriers() {
  const std::lock_guard lock(couriers_mutex_);
  for (const auto& courier : couriers_) courier->interrupt();
}

// An attempt failed; whoever made it decides whether it is made again.
void Pipeline::on_error(const WriteResult& result) {
  if (coordinator_.note_error(result)) log_failed_write(result);
}

void Pipeline::on_low_memory() {
  try {
    on_failure({WriteOutcome::kNotWritten, fatal_error("memory", "memory ran out; the run ends")});
  } catch (const std::bad_alloc&) {
    give_up();
  }
}

void Pipeline::on_failure(const WriteResult& result) {
  // Aborting makes writes fail; that is its meaning, not the target's fault.
  if (aborting_.stop_requested()) return;
  if (coordinator_.note_failure(result)) {
    spdlog::error("Ending the run: {} ({})", result.error.message, result.error.code);
  }
  give_up();
}

}  // namespace loadgen
