#include "run/resume.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "audit/audit.h"
#include "base/error.h"
#include "base/redact.h"
#include "base/time_limit.h"
#include "base/units.h"
#include "delivery/watchdog.h"
#include "model/generator.h"
#include "run/audit_watch.h"
#include "run/await_database.h"
#include "run/signals.h"
#include "run/spool_check.h"

namespace loadgen {
namespace {

// Ends resuming early: on a signal, or after a time without progress.
class Interruption {
 public:
  Interruption(Clock& clock, nanoseconds patience, Target& target)
      : clock_(clock), patience_(patience), target_(target) {}

  [[nodiscard]] std::stop_token give_up() const { return give_up_.get_token(); }

  // Throws if resuming must end.
  void check() const {
    if (signal_ != 0) {
      throw StartInterrupted(fmt::format("resuming was ended by SIG{}; what was not delivered "
                                         "stays in the spool",
                                         sigabbrev_np(signal_)),
                             signal_);
    }
    if (give_up_.stop_requested()) {
      throw SetupError("nothing could be delivered for --drain-timeout; it stays in the spool");
    }
  }

  // While it exists, a courier is at work that can be interrupted and must make progress.
  class Scope {
   public:
    Scope(Interruption& owner, Courier& courier)
        : owner_(owner),
          patience_(owner.clock_, owner.patience_, [this] { owner_.end_at_once(); }) {
      const std::lock_guard lock(owner_.mutex_);
      owner_.courier_ = &courier;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() {
      const std::lock_guard lock(owner_.mutex_);
      owner_.courier_ = nullptr;
    }
    void note_progress() { patience_.restart(); }

   private:
    Interruption& owner_;
    TimeLimit patience_;
  };

 private:
  void on_signal(int signal, int nth) {
    signal_ = signal;
    if (nth >= 3) std::_Exit(128 + signal);
    give_up_.request_stop();
    if (nth == 2) {
      end_at_once();
      target_.interrupt();
    }
    spdlog::warn("SIG{}: resuming ends {}.", sigabbrev_np(signal),
                 nth == 1 ? "after the frame in hand; once more aborts it" : "at once");
  }

  void end_at_once() {
    give_up_.request_stop();
    const std::lock_guard lock(mutex_);
    if (courier_ != nullptr) courier_->interrupt();  // else a table is being audited
  }

  // Constant after construction.
  Clock& clock_;
  const nanoseconds patience_;
  Target& target_;

  std::stop_source give_up_;
  std::atomic<int> signal_{0};
  std::mutex mutex_;
  Courier* courier_ = nullptr;  // guarded by mutex_
  SignalWatcher signals_{clock_, [this](int signal, int nth) { on_signal(signal, nth); }};
};

// What the spool holds of one earlier run.
struct Backlog {
  Spool& spool;
  SpooledRun run;
  std::uint64_t lost_keys;  // messages with a damaged key, which may belong to this run
};

// Resumes one earlier run: delivers its messages in the spool and audits the table.
class Resumption {
 public:
  Resumption(Backlog backlog, const DeliveryContext& delivery, const Options& options,
             Interruption& interruption)
      : spool_(backlog.spool),
        interruption_(interruption),
        run_(std::move(backlog.run)),
        options_(options),
        lost_keys_(backlog.lost_keys),
        context_(for_run(delivery, run_)) {
    result_.run_id = run_.run_id;
  }

  ResumedRun complete() {
    {
      const Watchdog watchdog(
          [this](TimePoint overdue) { return courier_.interrupt_if_overdue(overdue); },
          Watchdog::patience(options_.timeout), context_.clock);
      at_work_.emplace(interruption_, courier_);
      deliver_fixed();
      deliver_loose();
      at_work_.reset();
    }
    must(spool_.flush());
    // Rows with a damaged key were never read.
    result_.damaged += spool_.read([&](SpoolStore& store) { return store.count(run_.run_id); });
    audit_run();
    if (result_.audit.passed != false) must(spool_.forget_run(run_));
    return result_;
  }

 private:
  static DeliveryContext for_run(DeliveryContext context, const SpooledRun& run) {
    context.run = {.run_id = run.run_id, .anchor = run.anchor};
    context.policy.origin = Origin::kReplayed;
    return context;
  }

  void must(SpoolStatus status) {
    if (status != SpoolStatus::kSafe) throw SetupError(spool_.problem());
  }

  SpoolStore::Batch read(SequenceRange range, std::uint64_t limit) {
    return spool_.read([&](SpoolStore& store) {
      return store.read(run_, range, static_cast<std::size_t>(limit));
    });
  }

  // One beyond the last message, damaged or not, of a batch that is not empty.
  static std::uint64_t end_of(const SpoolStore::Batch& batch) {
    std::uint64_t end = 0;
    for (const Message& message : batch.messages) end = std::max(end, message.sequence + 1);
    for (const std::uint64_t sequence : batch.damaged) end = std::max(end, sequence + 1);
    return end;
  }

  // Call it only after their frame is delivered, because removing them removes the frame.
  void put_away(std::span<const std::uint64_t> damaged) {
    for (const std::uint64_t sequence : damaged) {
      spool_.settle(run_, SequenceRange{sequence, sequence + 1}, SpoolEnd::kDamaged);
    }
    result_.damaged += damaged.size();
  }

  // Frames as they were recorded, without damaged messages; the ledger knows a frame by its id.
  void deliver_fixed() {
    const auto fixed =
        spool_.read([&](SpoolStore& store) { return store.fixed_frames(run_.run_id); });
    for (const auto& frame : fixed.frames) {
      SpoolStore::Batch whole;
      for (const SequenceRange& range : frame.members) {
        auto part = read(range, range.end - range.begin);
        std::move(part.messages.begin(), part.messages.end(), std::back_inserter(whole.messages));
        whole.damaged.insert(whole.damaged.end(), part.damaged.begin(), part.damaged.end());
      }
      if (!whole.messages.empty()) deliver(whole.messages, frame.id);
      put_away(whole.damaged);
    }
    if (fixed.damaged) settle_what_is_stored();
  }

  // A frame that cannot be read may have been committed. Only the table shows which of its messages
  // are stored.
  void settle_what_is_stored() {
    RowReader* const rows = context_.target.rows();
    if (rows == nullptr) return;  // then nothing is
    SequenceSet stored;
    retry_lost_session(context_.clock, [&] {
      rows->read_back(run_.run_id, RowContent::kSequences, [&](const StoredRow& row) {
        const auto sequence = static_cast<std::uint64_t>(row.sequence);
        if (row.sequence >= 0) stored.insert({sequence, sequence + 1});
        return true;
      });
    });
    for (SequenceRange rest : stored.ranges()) {
      for (;;) {
        interruption_.check();
        const SpoolStore::Batch waiting = read(rest, options_.batch_size);
        if (waiting.messages.empty() && waiting.damaged.empty()) break;
        spool_.settle(run_, waiting.messages, SpoolEnd::kStored);
        result_.already_present += waiting.messages.size();
        rest.begin = end_of(waiting);
        at_work_->note_progress();
      }
    }
    must(spool_.flush());
  }

  // No attempt was made to store any of these.
  void deliver_loose() {
    must(spool_.flush());
    for (SequenceRange rest{0, INT64_MAX};;) {
      const SpoolStore::Batch batch = read(rest, options_.batch_size);
      if (batch.messages.empty() && batch.damaged.empty()) return;
      rest.begin = end_of(batch);
      if (!batch.messages.empty()) {
        const std::uint64_t id = batch.messages.front().sequence;
        must(spool_.fix(run_, id, batch.messages));
        deliver(batch.messages, id);
      }
      put_away(batch.damaged);
    }
  }

  void deliver(std::span<const Message> messages, std::uint64_t frame) {
    using Messages = DeliveryEvents::Messages;
    DeliveryEvents events;
    events.on_begin = [&](Messages piece) -> std::optional<WriteError> {
      if (piece.size() == messages.size()) return std::nullopt;  // it is fixed
      if (spool_.fix(run_, piece.front().sequence, piece) == SpoolStatus::kSafe) {
        return std::nullopt;
      }
      return WriteError{
          .code = "spool", .message = spool_.problem(), .error_class = ErrorClass::kFatal};
    };
    events.on_stored = [&](Messages piece, TimePoint) {
      spool_.settle(run_, piece, SpoolEnd::kStored);
    };
    events.on_dead = [&](Messages piece) { spool_.settle(run_, piece, SpoolEnd::kGivenUp); };
    events.on_unstored = [](Messages, Fate) { return true; };  // they stay in the spool
    const Delivered delivered = courier_.deliver({messages, frame}, events);
    const std::uint64_t stored = delivered.ends[Fate::kStored];
    const std::uint64_t dead = delivered.ends[Fate::kDeadLettered];
    if (stored + dead > 0) at_work_->note_progress();
    interruption_.check();
    if (delivered.failure) {
      throw SetupError(fmt::format("run {} cannot be resumed: {} ({})", run_.run_id,
                                   delivered.failure->error.message,
                                   delivered.failure->error.code));
    }
    tell_progress(stored);
    ++result_.frames;
    result_.stored += stored - delivered.duplicates_suppressed;
    result_.already_present += delivered.duplicates_suppressed;
    result_.dead_lettered += dead;
  }

  void tell_progress(std::uint64_t stored) {
    constexpr std::chrono::seconds kInterval{5};
    delivered_ += stored;
    const TimePoint now = context_.clock.now();
    if (now - told_ < kInterval) return;
    told_ = now;
    spdlog::info("Resuming run {}: {} messages are delivered...", run_.run_id,
                 format_count(delivered_));
  }

  void audit_run() {
    SequenceSet everything;
    everything.insert({0, INT64_MAX});
    const auto accepted =
        spool_.read([&](SpoolStore& store) { return store.accepted(run_.run_id); });
    const auto given_up =
        spool_.read([&](SpoolStore& store) { return store.given_up(run_.run_id); });
    const Generator generator(run_.seed, run_.message_size);
    const SequenceSet acknowledged = accepted.without(given_up);
    const AuditSubject subject{.run_id = run_.run_id,
                               .acknowledged = acknowledged,
                               .produced = run_.all_spooled ? accepted : everything,
                               .generator = generator,
                               // Without a ledger, messages that a crash left in doubt may be
                               // stored twice.
                               .duplicates_allowed = run_.exactly_once ? 0 : accepted.size(),
                               .losses_allowed = result_.damaged + lost_keys_};
    AuditWatch watch(context_.clock);
    retry_lost_session(context_.clock, [&] {
      result_.audit =
          audit(context_.target.rows(), subject, options_.verify, {}, &watch.rows_read());
    });
  }

  Spool& spool_;
  Interruption& interruption_;
  const SpooledRun run_;
  const Options& options_;
  const std::uint64_t lost_keys_;
  const DeliveryContext context_;
  Courier courier_{context_};
  std::optional<Interruption::Scope> at_work_;  // while it delivers
  std::uint64_t delivered_ = 0;
  TimePoint told_ = context_.clock.now();
  ResumedRun result_;
};

}  // namespace

std::vector<ResumedRun> resume(Spool& spool, const DeliveryContext& delivery,
                               const Options& options) {
  const WallAnchor now{delivery.clock.now(), delivery.clock.wall_now()};
  for (const SpooledRun& run : spool.read([&](SpoolStore& store) { return store.runs(now); })) {
    if (spool.read([&](SpoolStore& store) { return store.count(run.run_id); }) == 0) continue;
    check_is_recorded(run, spool.directory(), delivery);
  }
  const std::uint64_t lost_keys =
      spool.read([](SpoolStore& store) { return store.put_away_orphans(); });
  Interruption interruption(delivery.clock,
                            std::max<nanoseconds>(options.drain_timeout, std::chrono::seconds(1)),
                            delivery.target);
  DeliveryContext interruptible = delivery;
  interruptible.give_up = interruption.give_up();
  std::vector<ResumedRun> results;
  for (SpooledRun& run : spool.read([&](SpoolStore& store) { return store.runs(now); })) {
    const std::int64_t run_id = run.run_id;
    const std::uint64_t waiting =
        spool.read([&](SpoolStore& store) { return store.count(run_id); });
    spdlog::info("Resuming run {}: {} messages are in the spool...", run_id, format_count(waiting));
    Resumption resumption({spool, std::move(run), lost_keys}, interruptible, options, interruption);
    ResumedRun& result = results.emplace_back();
    try {
      result = resumption.complete();
    } catch (const SetupError&) {
      interruption.check();  // a signal is not a failure of the database
      throw;
    }
    interruption.check();
    // Their run is unknown, so they count once.
    if (results.size() == 1) result.damaged += lost_keys;
    if (result.damaged > 0) {
      spdlog::warn("{} messages of run {} were damaged in the spool and skipped.",
                   format_count(result.damaged), run_id);
    }
    if (result.audit.passed == false) {
      spdlog::error(
          "Run {} does not pass its audit; {} keeps what it knows of it, until it is deleted.",
          run_id, one_line(spool.directory()));
    }
  }
  if (results.empty() && lost_keys > 0) {
    spdlog::warn("{} messages in the spool were damaged; their runs are unknown.", lost_keys);
  }
  return results;
}

std::vector<ResumedRun> resume(const Opened& opened) {
  Spool* const spool = opened.lane->custody().spool();
  if (spool == nullptr) return {};
  return resume(*spool, opened.lane->delivery(), opened.plan.options);
}

}  // namespace loadgen
