#include "run/replay.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "delivery/courier.h"
#include "delivery/dead_letters.h"
#include "delivery/letter_file.h"
#include "delivery/watchdog.h"
#include "model/sequence_set.h"
#include "report/command_json.h"
#include "run/await_database.h"
#include "run/log.h"
#include "sink/make_target.h"

namespace loadgen {
namespace {

// Each row is stored under the run that made it, in that run's table, so there is one courier per
// run.
class CourierOfRun {
 public:
  explicit CourierOfRun(DeliveryContext context) : context_(std::move(context)) {}

  [[nodiscard]] std::int64_t run_id() const { return context_.run.run_id; }

  Delivered deliver(const Frame& frame, const DeliveryEvents& events) {
    return courier_.deliver(frame, events);
  }

  // What the table holds of the run, read when it is first asked for.
  const SequenceSet& stored() {
    if (stored_) return *stored_;
    SequenceSet found;
    const auto visit = [&found](const StoredRow& row) {
      const auto sequence = static_cast<std::uint64_t>(row.sequence);
      if (row.sequence >= 0) found.insert({sequence, sequence + 1});
      return true;
    };
    if (RowReader* const rows = context_.target.rows()) {
      retry_lost_session(context_.clock,
                         [&] { rows->read_back(run_id(), RowContent::kSequences, visit); });
    }
    return stored_.emplace(std::move(found));
  }
  void note_stored(std::uint64_t sequence) {
    if (stored_) stored_->insert({sequence, sequence + 1});
  }
  void forget_stored() { stored_.reset(); }

 private:
  const DeliveryContext context_;
  Courier courier_{context_};
  const Watchdog watchdog_{
      [this](TimePoint overdue) { return courier_.interrupt_if_overdue(overdue); },
      Watchdog::patience(context_.policy.timeout), context_.clock};
  std::optional<SequenceSet> stored_;
};

// The table that the run wrote to, as loadgen_runs remembers it. Call it before open() creates a
// table. nullopt when the database is new, is not up yet, or does not know the run.
std::optional<std::string> table_of(std::int64_t run_id, const Options& options, Clock& clock) {
  try {
    const auto target = make_target(options, clock);
    RunLog* const log = target->run_log();
    if (log == nullptr) return std::nullopt;
    std::optional<RecordedRun> recorded;
    end_after_connect_wait(
        clock, options, [&target] { target->interrupt(); }, [&] { recorded = log->find(run_id); });
    return recorded ? std::optional(recorded->table) : std::nullopt;
  } catch (const NoAnswer&) {
    throw;
  } catch (const SetupError&) {
    return std::nullopt;
  }
}

// Opens the database for letters of this run. The ledger knows only the run of a frame, not its
// table, so in another table the message would seem to be there.
std::unique_ptr<Target> open_for(std::int64_t run_id, const Replay& replay, Clock& clock) {
  auto its_table = table_of(run_id, replay.options, clock);
  for (;;) {
    if (its_table && replay.table && *its_table != *replay.table) {
      throw UsageError(fmt::format("--table={}: run {} wrote to {}, and its messages belong there",
                                   one_line(*replay.table), run_id, one_line(*its_table)));
    }
    Options options = replay.options;
    options.table = replay.table.value_or(its_table.value_or(options.table));
    auto target = make_target(options, clock);
    std::optional<RecordedRun> recorded;
    await_database(
        clock, options, [&target] { target->interrupt(); },
        [&] {
          target->open();
          // The database may have come up only now, so ask again; an error counts from now on.
          if (RunLog* const log = target->run_log()) recorded = log->find(run_id);
        });
    if (!recorded) {
      spdlog::warn(
          "Run {} is not recorded in this database; its messages are stored here all the same",
          run_id);
    }
    if (!recorded || recorded->table == options.table) {
      log_notes(target->info());
      return target;
    }
    its_table = recorded->table;
  }
}

// Sends the letters of one file, in its order.
class Replayer {
 public:
  Replayer(const Replay& replay, Clock& clock)
      : replay_(replay),
        clock_(clock),
        anchor_{clock.now(), clock.wall_now()},
        breaker_(replay.options.breaker,
                 {replay.options.retry_delay.shortest, replay.options.retry_delay.longest}, 1,
                 clock, log_transition) {}

  ReplayReport run() {
    constexpr std::uint64_t kTold = 5;
    std::uint64_t told = 0;
    report_.skipped_lines = read_dead_letters(
        replay_.file, [this](const DeadLetter& letter) { take(letter); },
        [&](std::uint64_t line) {
          if (++told > kTold) return;
          spdlog::warn("{}:{}: skipped: torn, damaged, or no letter of this version",
                       one_line(replay_.file), line);
        });
    skip_incomplete_frame();
    report_.skipped_lines += incomplete_;
    if (report_.skipped_lines > 0 && !of_run_) {
      throw UsageError(
          fmt::format("{}: holds no letters that could be sent", one_line(replay_.file)));
    }
    return report_;
  }

 private:
  // A message in doubt can only be sent with all others of its frame, which are adjacent in the
  // file.
  void take(const DeadLetter& letter) {
    if (!gathered_.empty() &&
        (letter.frame != gathered_.front().frame || letter.run_id != gathered_.front().run_id)) {
      skip_incomplete_frame();
    }
    if (letter.frame) {
      gathered_.push_back(letter);
      if (gathered_.size() < letter.frame->rows) return;
      send_frame(std::exchange(gathered_, {}));
    } else {
      turn_to(letter.run_id);
      send_alone(message_of(letter));
    }
  }

  // A part of the frame under its id would later be taken for the whole frame.
  void skip_incomplete_frame() {
    if (gathered_.empty()) return;
    const DeadLetter& first = gathered_.front();
    spdlog::warn(
        "{}: skipped: {} of the {} messages of frame {} of run {}: it can only be sent whole",
        one_line(replay_.file), gathered_.size(), first.frame->rows, first.frame->id, first.run_id);
    incomplete_ += gathered_.size();
    gathered_.clear();
  }

  // Sends the same frame under the same id, so the ledger decides whether it was stored. If some of
  // its messages are in the table, the frame was stored, or an earlier replay has stored them one
  // by one.
  void send_frame(const std::vector<DeadLetter>& letters) {
    const std::uint64_t id = letters.front().frame->id;
    SequenceSet sequences;
    for (const DeadLetter& letter : letters) {
      sequences.insert({letter.sequence, letter.sequence + 1});
    }
    // In a form that no run writes.
    if (id != letters.front().sequence || sequences.size() != letters.size()) {
      gathered_ = letters;
      return skip_incomplete_frame();
    }
    turn_to(letters.front().run_id);
    std::vector<Message> messages;
    messages.reserve(letters.size());
    for (const DeadLetter& letter : letters) messages.push_back(message_of(letter));
    const SequenceSet& stored = of_run_->stored();
    bool whole = std::none_of(messages.begin(), messages.end(), [&](const Message& message) {
      return stored.contains(message.sequence);
    });
    if (whole) {
      DeliveryEvents events;
      events.on_refused = [&whole] {
        whole = false;
        return true;
      };
      const Delivered delivered = deliver({messages, id}, events);
      if (whole && delivered.duplicates_suppressed == 0) {
        for (const Message& message : messages) of_run_->note_stored(message.sequence);
        report_.replayed += delivered.ends[Fate::kStored];
        return;
      }
      if (whole) of_run_->forget_stored();  // it came into the table since it was read
    }
    for (const Message& message : messages) {
      // In the ledger the id itself stands for the frame.
      send_alone(message, message.sequence == id ? std::optional(~id) : std::nullopt);
    }
  }

  // Sends the message as a frame of its own, so its ledger row stands for this message, whatever
  // file it is in. The table is asked first, because rows of the ledger may have been deleted.
  void send_alone(const Message& message, std::optional<std::uint64_t> id = std::nullopt) {
    if (of_run_->stored().contains(message.sequence)) {
      ++report_.already_present;
      return;
    }
    const Delivered delivered = deliver({{&message, 1}, id}, {});
    report_.already_present += delivered.duplicates_suppressed;
    report_.replayed += delivered.ends[Fate::kStored] - delivered.duplicates_suppressed;
    report_.dead_again += delivered.ends[Fate::kDeadLettered];
    if (delivered.ends[Fate::kStored] > 0) of_run_->note_stored(message.sequence);
  }

  Delivered deliver(const Frame& frame, const DeliveryEvents& events) {
    Delivered delivered = of_run_->deliver(frame, events);
    if (delivered.failure) throw SetupError(delivered.failure->error.message);
    return delivered;
  }

  void turn_to(std::int64_t run_id) {
    if (of_run_ && of_run_->run_id() == run_id) return;
    of_run_.reset();  // before its target
    target_ = open_for(run_id, replay_, clock_);
    const Options& options = replay_.options;
    of_run_ = std::make_unique<CourierOfRun>(DeliveryContext{
        .target = *target_,
        .run = {.run_id = run_id, .anchor = anchor_},
        .clock = clock_,
        .breaker = breaker_,
        .budget = budget_,
        .dead_letters = none_kept_,
        .policy = {.origin = Origin::kReplayed,
                   .retries = options.retries,
                   .outage = {options.retry_delay.shortest, options.retry_delay.longest},
                   .timeout = options.timeout},
        .give_up = {},
        .on_error = [this](const WriteResult& result) {
          if (told_codes_.insert(result.error.code).second) log_failed_write(result);
        }});
  }

  [[nodiscard]] Message message_of(const DeadLetter& letter) const {
    const auto steady = [&](WallTime when) { return anchor_.steady + (when - anchor_.wall); };
    return {.sequence = letter.sequence,
            .producer = letter.producer,
            .due = steady(letter.due),
            .created = steady(letter.created),
            .taken = clock_.now(),
            .text = letter.text};
  }

  // Constant after construction.
  const Replay& replay_;
  Clock& clock_;
  const WallAnchor anchor_;

  CircuitBreaker breaker_;
  RetryBudget budget_;
  DeadLetterBox none_kept_{"", 0};  // they are in the file that is replayed
  std::set<std::string> told_codes_;
  std::unique_ptr<Target> target_;
  std::unique_ptr<CourierOfRun> of_run_;
  std::vector<DeadLetter> gathered_;  // letters of a frame that is not complete yet
  std::uint64_t incomplete_ = 0;      // letters of frames that never became complete
  ReplayReport report_;
};

}  // namespace

std::string to_text(const ReplayReport& report) {
  return fmt::format("Replayed: {} | Already present: {} | Dead again: {} | Skipped lines: {}\n",
                     report.replayed, report.already_present, report.dead_again,
                     report.skipped_lines);
}

std::string to_json(const ReplayReport& report, int exit_code) {
  return json_counts({{"replayed", report.replayed},
                      {"already_present", report.already_present},
                      {"dead_again", report.dead_again},
                      {"skipped_lines", report.skipped_lines}},
                     exit_code);
}

ReplayReport replay(const Replay& replay, Clock& clock) { return Replayer(replay, clock).run(); }

}  // namespace loadgen
