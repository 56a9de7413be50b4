// Rows of the group Delivery.
#include "options/option_bounds.h"
#include "options/option_rows.h"

namespace loadgen {
namespace {

OptionRows attempt_rows() {
  return {
      option_row(
          {.flag = "--delivery",
           .metavariable = "G",
           .help = "exactly-once (by a ledger) or at-least-once",
           .details = "a frame whose commit had no answer is written again. `exactly-once`: each "
                      "transaction also notes its frame in the table `loadgen_ledger`, so that it "
                      "is stored once; do not delete rows of that table alone. `at-least-once`: "
                      "without the ledger, it may be stored twice",
           .config = {.key = "delivery"}},
          &Options::delivery, Choice<Delivery>{}),
      option_row(
          {.flag = "--retries",
           .metavariable = "N",
           .help = "retries of one frame",
           .details = "most retries of one frame; without it, frames are retried until the drain "
                      "timeout, and in `app replay` for ever",
           .config = {.key = "retries", .note = "Of one frame; null = until the drain timeout."},
           .taken_by = {.replay = true}},
          &Options::retries,
          Maybe<WholeNumber<std::uint64_t>>{{0, 1'000'000'000, " such as 5"}, "unlimited"}),
      option_row({.flag = "--retry-delay",
                  .metavariable = "MIN,MAX",
                  .help = "wait before a retry: doubles up to MAX, at random",
                  .details = "a retry waits for a random time below a bound that doubles from MIN "
                             "to MAX",
                  .config = {.key = "retry_delay_ms",
                             .note = "Shortest and longest bound of the random wait."},
                  .taken_by = {.replay = true}},
                 &Options::retry_delay, DelayBounds{}),
  };
}

OptionRows wait_rows() {
  return {
      option_row({.flag = "--timeout",
                  .metavariable = "D",
                  .help = "longest one attempt to write, or to read, may take",
                  .details = "longest one attempt to write may take, and longest silence while "
                             "Postgres is set up or audited",
                  .config = {.key = "timeout_s"},
                  .taken_by = {.replay = true, .verify = true}},
                 &Options::timeout, Duration{.example = "{default}", .low = kAboveZero}),
      option_row({.flag = "--connect-wait",
                  .metavariable = "D",
                  .help = "wait for a database that is not up, locked, or silent",
                  .details = "how long to wait at the start for a database that is not up yet, "
                             "locked, or silent; making tables may take 5 s, if this is less",
                  .config = {.key = "connect_wait_s"},
                  .taken_by = {.replay = true, .verify = true}},
                 &Options::connect_wait, Duration{.example = "{default}"}),
      option_row(
          {.flag = "--breaker",
           .metavariable = "B",
           .help = "pause all while the database is down: {words}",
           .details = "circuit breaker: while the database is down no consumer tries, except "
                      "for one probe now and then, as `--retry-delay` says; or `off`",
           .config = {.key = "breaker", .after = "unsent"},
           .taken_by = {.replay = true}},
          &Options::breaker, Choice<Breaker>{}),
  };
}

OptionRows letter_rows() {
  return {
      option_row(
          {.flag = "--dead-letter",
           .metavariable = "FILE",
           .help = "where messages go that can never be stored",
           .details = "where messages go that the database refuses, one JSON object per line; "
                      "created only when needed. A file that cannot be written, or is a link or a "
                      "pipe, is "
                      "refused at the start; for the default file there is only a warning",
           .config = {.key = "dead_letter"}},
          &Options::dead_letter, Text{"a file name", Completion::kFile}),
      option_row(
          {.flag = "--max-dead-letters",
           .metavariable = "N",
           .help = "more of them end the run",
           .details =
               "more dead letters than this end the run, because the schema is probably wrong",
           .config = {.key = "max_dead_letters"}},
          &Options::max_dead_letters, WholeNumber<std::uint64_t>{0, kMostMessages}),
      option_row(
          {.flag = "--unsent",
           .metavariable = "FILE",
           .help = "where messages go that were not written in time, or are in doubt",
           .details = "keep messages that could not be written in time, or whose commit was not "
                      "answered, to be sent by `app replay`",
           .config = {.key = "unsent", .note = "File; null = none."}},
          &Options::unsent, Text{"a file name", Completion::kFile}),
  };
}

}  // namespace

OptionRows delivery_rows() { return joined({attempt_rows(), wait_rows(), letter_rows()}); }

}  // namespace loadgen
