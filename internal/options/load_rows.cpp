// Rows of the groups Load and Channel.
#include <limits>

#include "base/text_limit.h"
#include "options/option_bounds.h"
#include "options/option_rows.h"

namespace loadgen {
namespace {

OptionRows pace_rows() {
  return {
      option_row({.flag = "--producers",
                  .metavariable = "N",
                  .help = "threads that create messages, {low}..{high}",
                  .details = "threads that create messages, {low} to {high}; they share one rate",
                  .config = {.key = "producers"}},
                 &Options::producers, WholeNumber<std::uint32_t>{1, kMostThreads}),
      option_row({.flag = "--rps",
                  .metavariable = "R",
                  .help = "messages per second over all producers; max = no limit",
                  .details = "messages per second over all producers: `500`, `0.5`, `50k`, `1.5M`; "
                             "`max` = as fast as possible",
                  .config = {.key = "rps", .note = "null = as fast as possible."}},
                 &Options::rps,
                 Maybe<Rate>{{", such as 500, 0.5, 50k, 1.5M"}, "max", NameOfNone::kMayBeWritten}),
      option_row({.flag = "--arrival",
                  .metavariable = "A",
                  .help = "how messages are spread over the rate: {allowed}",
                  .details = "how messages are spread over the rate: `even`, or `poisson`: at "
                             "random, as from many independent users. The total is the same",
                  .config = {.key = "arrival"}},
                 &Options::arrival, Choice<Arrival>{}),
      option_row({.flag = "--stages",
                  .metavariable = "D:R,...",
                  .help = "change the rate: to R in a straight line over D, part by part",
                  .details = "how the rate changes: part by part in a straight line to the rate R "
                             "over the time D, from `--rps` if that is given, else from 0; "
                             "`0s:R` jumps. Such as `30s:1000,1m:1000,0s:200,30s:200`; instead of "
                             "`--duration`",
                  .config = {.key = "stages", .note = "null = the rate stays."}},
                 &Options::stages, Stages{}),
      option_row({.flag = "--warmup",
                  .metavariable = "D",
                  .help = "run the load this long before anything is measured",
                  .details = "the same load first, for this long: stored, counted and audited, but "
                             "left out of latencies, rates and thresholds. `--duration` counts "
                             "after it, `--count` includes it. Messages that are due in it and "
                             "stored later are measured",
                  .config = {.key = "warmup_s"}},
                 &Options::warmup, Duration{.example = "5s", .zero_means = " for none"}),
      option_row(
          {.flag = "--duration",
           .metavariable = "D",
           .help = "how long to produce; 0 = until a signal",
           .details = "how long to produce: `10` (seconds), `250ms`, `1m30s`; `0` = until a "
                      "signal, which then is the normal end",
           .config = {.key = "duration_s", .note = "0 = until a signal."}},
          &Options::duration,
          Duration{.example = "10 (seconds), 250ms, 1m30s", .zero_means = " for until a signal"}),
      option_row({.flag = "--count",
                  .metavariable = "N",
                  .help = "stop after N messages, if that is before --duration ends",
                  .details = "stop after N messages, if that is before `--duration` ends",
                  .config = {.key = "count", .note = "null = no bound."}},
                 &Options::count,
                 Maybe<WholeNumber<std::uint64_t>>{{1, kMostMessages, ", such as 10000 or 10k"}}),
  };
}

OptionRows lateness_rows() {
  return {
      option_row({.flag = "--burst",
                  .metavariable = "N",
                  .help = "overdue messages that may wait; more are skipped",
                  .details = "how many overdue messages may wait to be sent; more are skipped, "
                             "oldest first, and counted",
                  .config = {.key = "burst", .note = "null = no bound."}},
                 &Options::burst,
                 Maybe<WholeNumber<std::uint64_t>>{{1, kMostMessages}, "unlimited"}),
      option_row(
          {.flag = "--max-lag",
           .metavariable = "D",
           .help = "do not send messages that are later than this",
           .details = "messages later than this are not sent: they are skipped if late before "
                      "they are made, and dropped if they become late in the channel; both "
                      "are counted",
           .config = {.key = "max_lag_ms", .note = "null = none is too late."}},
          &Options::max_lag, Maybe<Duration>{{.example = "250ms", .low = kAboveZero}}),
  };
}

OptionRows text_rows() {
  return {
      option_row({.flag = "--message-size",
                  .metavariable = "B",
                  .help = "bytes of text in a message, {low}..{high}",
                  .details = "bytes of text in a message, {low} to {high}",
                  .config = {.key = "message_size"}},
                 &Options::message_size, Size{1, kLongestText}),
      option_row({.flag = "--seed",
                  .metavariable = "N",
                  .help = "same seed = same message texts",
                  .details = "a text is a function of seed, sequence and producer; the seed is in "
                             "the result. With `--producers=1` whole runs repeat",
                  .config = {.key = "seed", .as_text = "seed_text", .always_set = true}},
                 &Options::seed, Maybe<PlainNumber<std::uint64_t>>{{}, "random"}),
  };
}

}  // namespace

OptionRows load_rows() { return joined({pace_rows(), lateness_rows(), text_rows()}); }

OptionRows channel_rows() {
  return {
      option_row({.flag = "--queue-capacity",
                  .metavariable = "N",
                  .help = "messages that may wait between the threads",
                  .details = "messages that may wait between producers and consumers, {low} to "
                             "{high}; memory for them is taken at once",
                  .config = {.key = "queue_capacity"}},
                 &Options::queue_capacity, WholeNumber<std::uint64_t>{1, 100'000'000}),
      option_row({.flag = "--on-full",
                  .metavariable = "P",
                  .help = "when full: {words}",
                  .details = "what a producer does when the channel is full: `block`, `drop-new`, "
                             "`drop-old`, `abort` the run (exit code 1), or `spill` to the spool "
                             "the messages for which there is no room",
                  .config = {.key = "on_full"}},
                 &Options::on_full, Choice<OnFull>{}),
      option_row({.flag = "--spool",
                  .metavariable = "DIR",
                  .help = "keep messages on disk until stored; resumes",
                  .details = "keep messages on disk until they are stored; a later run with the "
                             "same directory first sends those that are left",
                  .config = {.key = "spool", .note = "Directory; null = none."}},
                 &Options::spool, Text{"a directory", Completion::kDirectory}),
  };
}

}  // namespace loadgen
