#include "lane/lane.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "channel/make_channel.h"

namespace loadgen {

namespace {

constexpr std::chrono::milliseconds kLookAtSpool{500};

SpooledRun spooled_run(const Plan& plan, const LaneParts& parts, const WallAnchor& anchor) {
  const Options& options = plan.options;
  return {.run_id = plan.run_id,
          .target = parts.target_name,
          .seed = plan.seed,
          .message_size = options.message_size,
          .exactly_once = options.delivery == Delivery::kExactlyOnce,
          .all_spooled = options.on_full != OnFull::kSpill,
          .anchor = anchor};
}

WriteResult fatal(std::string code, std::string message) {
  return {
      WriteOutcome::kNotWritten,
      {.code = std::move(code), .message = std::move(message), .error_class = ErrorClass::kFatal}};
}

Counts counts_of(const TokenBucket::Totals& tickets, const LaneResult& result,
                 const Tally& leftovers) {
  Counts counts{.scheduled = tickets.scheduled, .skipped = tickets.skipped, .ends = leftovers};
  for (const Sample* const part : {&result.samples.warmup, &result.samples.measured}) {
    counts.produced += part->produced;
    counts.ends += part->ends;
    counts.retried_frames += part->retried_frames;
    counts.duplicates_suppressed += part->duplicates_suppressed;
  }
  return counts;
}

}  // namespace

Lane::Lane(const Plan& plan, Target& target, Clock& clock, LaneParts parts)
    : plan_(plan),
      clock_(clock),
      parts_(std::move(parts)),
      generator_(plan.seed, plan.options.message_size),
      ending_(clock, plan.options.drain_timeout),
      tickets_(plan.schedule, {.burst = plan.options.burst, .max_lag = plan.options.max_lag},
               clock),
      context_(parts_.delivery->context(
          target, {.run_id = plan.run_id, .anchor = {clock.now(), clock.wall_now()}}, clock,
          ending_.token(Phase::kGivingUp))),
      custody_(parts_.spool.get(), spooled_run(plan, parts_, context_.run.anchor)),
      channel_(make_channel({.capacity = plan.options.queue_capacity,
                             .on_full = plan.options.on_full,
                             .clock = clock,
                             .custody = custody_,
                             .target_is_down = [this] { return context_.breaker.holds_back(); }})),
      books_{.unsent = UnsentBox(plan.options.unsent, context_.run)},
      consumers_(clock, ending_, consumer_rules()),
      producers_(clock, ending_, producer_rules()),
      reactions_{Reaction(ending_.token(Phase::kDraining), [this] { tickets_.close(); }),
                 Reaction(ending_.token(Phase::kGivingUp), [this] { channel_->close(); }),
                 Reaction(ending_.token(Phase::kInterrupting), [this] { interrupt(); })} {}

// A step may throw while threads run; they must not wait for each other for ever.
Lane::~Lane() {
  if (consumers_.working() + producers_.working() == 0) return;
  ending_.interrupt();
  open_gate();
}

CrewRules<Lane::ProducerWorker> Lane::producer_rules() {
  return {.make = [this](std::uint32_t number) { return make_producer(number); },
          .work =
              [this](ProducerWorker& worker, const std::stop_token& retire) {
                work(ThreadUse::Role::kProducer, worker.number,
                     [&] { produce_as(worker, retire); });
              },
          .fold = [this](ProducerWorker& worker) { fold(worker); },
          .over =
              [this] {
                const auto end = ending_.production_ends();
                return end && clock_.now() >= *end;
              }};
}

CrewRules<Lane::ConsumerWorker> Lane::consumer_rules() {
  return {.make = [this](std::uint32_t number) { return make_consumer(number); },
          .work =
              [this](ConsumerWorker& worker, const std::stop_token& retire) {
                work(ThreadUse::Role::kConsumer, worker.number,
                     [&] { consume_as(worker, retire); });
              },
          .fold = [this](ConsumerWorker& worker) { fold(worker); },
          .over = [this] { return channel_->finished() || ending_.reached(Phase::kGivingUp); }};
}

std::unique_ptr<Lane::ProducerWorker> Lane::make_producer(std::uint32_t number) {
  const Options& options = plan_.options;
  auto worker = std::make_unique<ProducerWorker>(
      number, tickets_at_a_time(options.queue_capacity, options.producers), books_.produced);
  books_.sampler.watch(worker->account.meter());
  return worker;
}

std::unique_ptr<Lane::ConsumerWorker> Lane::make_consumer(std::uint32_t number) {
  auto worker = std::make_unique<ConsumerWorker>(number, context_, parts_, plan_.options.batch_size,
                                                 books_.acknowledged);
  books_.sampler.watch(worker->account.meter());
  return worker;
}

void Lane::connect(const std::function<void(Courier&)>& connect) {
  for (std::uint32_t i = 0; i < plan_.options.consumers; ++i) connect(*consumers_.hire().courier);
}

void Lane::start() {
  for (std::uint32_t i = 0; i < plan_.options.producers; ++i) producers_.hire();
  try {
    spdlog::info("Starting consumers...");
    consumers_.start();
    producers_.start();
  } catch (const std::system_error& error) {
    throw SetupError(fmt::format("cannot start {} producers and {} consumers: {}",
                                 plan_.options.producers, plan_.options.consumers, error.what()));
  }
  try {
    watches_.attempts.emplace([this](TimePoint overdue) { return cut_off(overdue); },
                              Watchdog::patience(plan_.options.timeout), clock_);
    if (custody_.spool() != nullptr) {
      watches_.spool = std::jthread([this](const std::stop_token& stop) { watch_spool(stop); });
    }
  } catch (const std::system_error& error) {
    throw SetupError(fmt::format("cannot start a thread: {}", error.what()));
  }
}

// Checks for a deleted spool even while no thread writes to it.
void Lane::watch_spool(const std::stop_token& stop) {
  while (clock_.sleep_until(clock_.now() + kLookAtSpool, stop)) {
    if (custody_.spool()->check_in_place()) continue;
    fail(fatal("spool", custody_.spool()->problem()));
    return;
  }
}

TimePoint Lane::begin() {
  spdlog::info("Starting producers...");
  course_.begin = clock_.now();
  const auto end = plan_.schedule.end();
  ending_.expect_end(end ? std::optional(course_.begin + *end) : std::nullopt);
  tickets_.start(course_.begin);
  open_gate();
  return course_.begin;
}

void Lane::open_gate() {
  if (!std::exchange(course_.is_open, true)) course_.gate.count_down();
}

// A worker's thread.
template <typename Work>
void Lane::work(ThreadUse::Role role, std::uint32_t number, Work work) {
  course_.gate.wait();
  const TimePoint began = clock_.now();
  try {
    work();
    const ThreadUse use{role, number, thread_cpu_time(), clock_.now() - began};
    const std::lock_guard lock(books_.threads.mutex);
    books_.threads.ended.push_back(use);
  } catch (const std::bad_alloc&) {
    ending_.give_up();  // using the memory reserve has been noted as the failure
  } catch (const std::exception& error) {
    fail(fatal("exception", error.what()));
  }
}

void Lane::produce_as(ProducerWorker& worker, const std::stop_token& retire) {
  const PushStatus status = produce({.tickets = tickets_,
                                     .channel = *channel_,
                                     .custody = custody_,
                                     .generator = generator_,
                                     .clock = clock_,
                                     .unsent = books_.unsent},
                                    worker.number, worker.account, retire);
  if (status == PushStatus::kFull) {
    fail(fatal("channel_full", "the channel is full, and --on-full=abort ends the run then"));
  } else if (status == PushStatus::kBroken) {
    fail(fatal("spool", custody_.problem()));
  }
}

void Lane::consume_as(ConsumerWorker& worker, const std::stop_token& retire) {
  const Options& options = plan_.options;
  worker.account.production_starts(course_.begin);
  const auto failure = consume({.channel = *channel_,
                                .custody = custody_,
                                .clock = clock_,
                                .limits = {.batch_size = options.batch_size,
                                           .linger = options.linger,
                                           .max_lag = options.max_lag},
                                .unsent = books_.unsent,
                                .give_up = ending_.token(Phase::kGivingUp)},
                               *worker.courier, worker.account, retire);
  if (failure) fail(*failure);
}

// Waits for the crew until the drain timeout, interrupts it, and waits a moment longer. Returns how
// many of its threads are stuck.
template <typename Worker>
std::size_t Lane::await(Crew<Worker>& crew, const char* role, const char* place) {
  if (crew.wait()) return 0;
  if (ending_.time_out()) {
    spdlog::warn("The drain timeout has passed; giving up on what is not written yet.");
  }
  if (crew.wait()) return 0;
  const std::size_t stuck = crew.stop_waiting();
  if (stuck == 0) return 0;  // they ended just now
  const WriteResult failure = fatal(
      "stuck",
      fmt::format("{} of {} {} did not come back from the {}", stuck, crew.size(), role, place));
  note_failure(failure);
  spdlog::error("Leaving without them: {}.", failure.error.message);
  return stuck;
}

void Lane::await_producers() {
  // The target may be so slow that the schedule's backlog outlives the drain timeout.
  const std::size_t stuck = await(producers_, "producers", "spool");
  if (stuck == 0) producers_.join();
  course_.stuck += stuck;
  ending_.end_production();
  tickets_.close();  // another thread may have entered the phase, and not have closed it yet
  course_.producers_done = clock_.now();
  spdlog::info("All producers finished, closing channel...");
  channel_->close();
}

void Lane::await_consumers() {
  const std::size_t stuck = await(consumers_, "consumers", "database");
  course_.stuck += stuck;
  course_.consumers_done = clock_.now();
  watches_.attempts.reset();
  watches_.spool.request_stop();
  if (stuck > 0) return;
  consumers_.join();
  // From now on other connections may reuse their sockets' numbers, so they must not be
  // interrupted.
  consumers_.for_each([](ConsumerWorker& worker) { worker.courier.reset(); });
}

void Lane::fail(const WriteResult& why) {
  // Interrupting makes writes fail; that is not a failure of the target.
  if (ending_.reached(Phase::kInterrupting)) return;
  if (note_failure(why)) {
    spdlog::error("Ending the run: {} ({})", why.error.message, why.error.code);
  }
  ending_.give_up();
}

bool Lane::note_failure(const WriteResult& why) {
  parts_.delivery->errors.note_end(why);
  return ending_.note_failure(why.error);
}

Outlook Lane::outlook() const {
  const TokenBucket::Totals tickets = tickets_.totals();
  const auto& profile = tickets_.schedule().profile();
  const nanoseconds elapsed = clock_.now() - course_.begin;
  return {.scheduled = tickets.scheduled,
          .skipped = tickets.skipped,
          .queue_depth = channel_->stats().depth,
          .rate_wanted = profile ? std::optional(profile->rate_at(elapsed)) : std::nullopt,
          .producers = static_cast<std::uint32_t>(producers_.working()),
          .consumers = static_cast<std::uint32_t>(consumers_.working())};
}

void Lane::interrupt() {
  consumers_.for_each([](ConsumerWorker& worker) {
    if (worker.courier) worker.courier->interrupt();
  });
}

std::optional<TimePoint> Lane::cut_off(TimePoint overdue) {
  std::optional<TimePoint> earliest;
  consumers_.for_each([&](ConsumerWorker& worker) {
    const auto began =
        worker.courier ? worker.courier->interrupt_if_overdue(overdue) : std::nullopt;
    if (began) earliest = std::min(earliest.value_or(*began), *began);
  });
  return earliest;
}

// Closes the worker's account. Normally nothing is in hand, except after an exception or when the
// thread is stuck.
void Lane::fold(ProducerWorker& worker) {
  ProducerAccount::Closed closed = worker.account.close();
  books_.sampler.unwatch(worker.account.meter());
  if (closed.unsent.empty() && closed.in_doubt.empty()) return;
  const std::lock_guard lock(books_.in_hand.mutex);
  books_.in_hand.of_producers.emplace_back(worker.number, std::move(closed));
}

void Lane::fold(ConsumerWorker& worker) {
  ConsumerAccount::Closed closed = worker.account.close();
  books_.sampler.unwatch(worker.account.meter());
  if (closed.unsent.empty() && closed.in_doubt.empty()) return;
  const std::lock_guard lock(books_.in_hand.mutex);
  books_.in_hand.of_consumers.push_back(std::move(closed));
}

void Lane::put_by_what_was_in_hand(Leftovers& leftovers) {
  const std::lock_guard lock(books_.in_hand.mutex);
  for (const auto& [producer, closed] : books_.in_hand.of_producers) {
    const auto made = [&, number = producer](const std::vector<Ticket>& tickets) {
      return make_again(generator_, tickets, number, course_.producers_done);
    };
    leftovers.add_unwritten(made(closed.unsent));
    leftovers.add_doubtful(made(closed.in_doubt));
  }
  for (const ConsumerAccount::Closed& closed : books_.in_hand.of_consumers) {
    leftovers.add_unwritten(closed.unsent);
    leftovers.add_doubtful_frame(closed.in_doubt);
  }
}

std::vector<ThreadUse> Lane::ended_threads() {
  const std::lock_guard lock(books_.threads.mutex);
  auto threads = books_.threads.ended;
  std::sort(threads.begin(), threads.end(), [](const ThreadUse& a, const ThreadUse& b) {
    return std::pair(a.role, a.index) < std::pair(b.role, b.index);
  });
  return threads;
}

LaneEnd Lane::finish() {
  const bool stuck = course_.stuck > 0;
  Leftovers leftovers(custody_, books_.unsent,
                      stuck ? Leftovers::Threads::kStuck : Leftovers::Threads::kJoined);
  producers_.for_each([this](ProducerWorker& worker) { fold(worker); });
  consumers_.for_each([this](ConsumerWorker& worker) { fold(worker); });
  put_by_what_was_in_hand(leftovers);
  LaneEnd end;
  end.has_stuck_thread = stuck;
  LaneResult& result = end.result;
  result.start = course_.begin;
  result.producers_done = course_.producers_done;
  result.consumers_done = course_.consumers_done;
  result.samples = books_.sampler.finish();
  result.self_check = {.threads = ended_threads(), .oversleep = tickets_.oversleep()};
  result.queue = channel_->stats();
  result.breaker = context_.breaker.report();
  result.interrupted_by = ending_.interrupted_by();
  result.drain_timed_out = ending_.timed_out();
  const Leftovers::Result left = leftovers.finish(*channel_, plan_.options.unsent);
  if (!left.spool_problem.empty()) {
    // Counts even while the lane is being interrupted, because the interruption did not break the
    // spool.
    note_failure(fatal("spool", left.spool_problem));
    spdlog::error("{}", left.spool_problem);
  }
  result.unsent_problem = left.unsent_problem;
  result.counts = counts_of(tickets_.totals(), result, left.ends);
  result.errors = parts_.delivery->errors.all();
  result.failure = ending_.failure();
  end.produced = books_.produced.take();
  end.acknowledged = books_.acknowledged.take();
  result.sequences_agree = left.spool_agrees && end.produced.size() == result.counts.produced &&
                           end.acknowledged.size() == result.counts.ends[Fate::kStored];
  result.oldest_not_stored = oldest_missing(end.acknowledged, result.counts.scheduled);
  return end;
}

// How long before the end the first unacknowledged message was due.
std::optional<nanoseconds> Lane::oldest_missing(const SequenceSet& acknowledged,
                                                std::uint64_t scheduled) const {
  const auto& ranges = acknowledged.ranges();
  const bool has_first = !ranges.empty() && ranges.front().begin == 0;
  const std::uint64_t missing = has_first ? ranges.front().end : 0;
  if (missing >= scheduled || !schedule().paced()) return std::nullopt;
  return course_.consumers_done - (course_.begin + schedule().offset(missing));
}

}  // namespace loadgen
