#include "run/replay.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/redact.h"
#include "delivery/courier.h"
#include "delivery/dead_letters.h"
#include "delivery/letter_file.h"
#include "run/await_database.h"
#include "run/log.h"
#include "sink/make_target.h"

namespace loadgen {
namespace {

// A row is stored under the run it was made in, in its table: one courier for each.
struct CourierOfRun {
  explicit CourierOfRun(DeliveryContext its_context)
      : context(std::move(its_context)), courier(context) {}

  const DeliveryContext context;
  Courier courier;
};

// The table the database remembers the run to have written to, asked before any is made. A database
// that cannot be asked yet, because it is not up or new, gives none: only a hint.
std::optional<std::string> table_of(std::int64_t run_id, const Options& options, Clock& clock) {
  try {
    const auto recorded = make_target(options, clock)->find_run(run_id);
    return recorded ? std::optional(recorded->table) : std::nullopt;
  } catch (const SetupError&) {
    return std::nullopt;
  }
}

// Opens the database for letters of this run. The ledger knows a message by its run alone: in
// another table it would seem to be there.
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
    await_database(clock, options.connect_wait, [&] { target->open(); });
    // It may have come up only now; and what it cannot tell now is no longer taken for nothing.
    const auto recorded = target->find_run(run_id);
    if (!recorded) {
      spdlog::warn(
          "Run {} is not recorded in this database; its messages are stored here all the same",
          run_id);
    }
    if (!recorded || recorded->table == options.table) return target;
    its_table = recorded->table;
  }
}

}  // namespace

std::string to_text(const ReplayReport& report) {
  return fmt::format("Replayed: {} | Already present: {} | Dead again: {} | Skipped lines: {}\n",
                     report.replayed, report.already_present, report.dead_again,
                     report.skipped_lines);
}

ReplayReport replay(const Replay& replay, Clock& clock) {
  const Options& options = replay.options;
  const WallAnchor anchor{clock.now(), clock.wall_now()};
  CircuitBreaker breaker(options.breaker,
                         {options.retry_delay.shortest, options.retry_delay.longest}, 1, clock,
                         log_transition);
  std::set<std::string> told_codes;
  RetryBudget budget;
  DeadLetterBox none_kept("", 0);  // they are in the file that is replayed
  std::unique_ptr<Target> target;
  std::unique_ptr<CourierOfRun> of_run;
  ReplayReport report;

  const auto send = [&](const DeadLetter& letter) {
    if (!of_run || of_run->context.run.run_id != letter.run_id) {
      of_run.reset();  // before its target
      target = open_for(letter.run_id, replay, clock);
      of_run = std::make_unique<CourierOfRun>(DeliveryContext{
          .target = *target,
          .run = {.run_id = letter.run_id, .anchor = anchor},
          .clock = clock,
          .breaker = breaker,
          .budget = budget,
          .dead_letters = none_kept,
          .policy = {.origin = Origin::kReplayed,
                     .retries = options.retries,
                     .outage = {options.retry_delay.shortest, options.retry_delay.longest}},
          .give_up = {},
          .on_error = [&told_codes](const WriteResult& result) {
            if (told_codes.insert(result.error.code).second) log_failed_write(result);
          }});
    }
    const auto steady = [&](WallTime when) { return anchor.steady + (when - anchor.wall); };
    const Message message{.sequence = letter.sequence,
                          .producer = letter.producer,
                          .due = steady(letter.due),
                          .created = steady(letter.created),
                          .taken = clock.now(),
                          .text = letter.text};
    // A frame of its own: its row in the ledger stands for this message, in whatever file it comes.
    const Delivered delivered = of_run->courier.deliver({{&message, 1}}, DeliveryEvents());
    if (delivered.failure) throw SetupError(delivered.failure->error.message);
    report.already_present += delivered.duplicates_suppressed;
    report.replayed += delivered.stored - delivered.duplicates_suppressed;
    report.dead_again += delivered.dead_lettered;
  };
  constexpr std::uint64_t kTold = 5;
  std::uint64_t told = 0;
  report.skipped_lines = read_dead_letters(replay.file, send, [&](std::uint64_t line) {
    if (++told > kTold) return;
    spdlog::warn("{}:{}: skipped: torn, damaged, or no letter of this version",
                 one_line(replay.file), line);
  });
  if (report.skipped_lines > 0 && !of_run) {
    throw UsageError(fmt::format("{}: holds no letters that could be sent", one_line(replay.file)));
  }
  return report;
}

}  // namespace loadgen
