// Rows of the group Writing.
#include "options/option_bounds.h"
#include "options/option_rows.h"

namespace loadgen {
namespace {

OptionRows frame_rows() {
  return {
      option_row({.flag = "--consumers",
                  .metavariable = "N",
                  .help = "threads that write, each with a connection",
                  .details = "threads that write, each with a connection of its own, {low} to "
                             "{high}",
                  .config = {.key = "consumers", .after = "producers"}},
                 &Options::consumers, WholeNumber<std::uint32_t>{1, kMostThreads}),
      option_row(
          {.flag = "--batch-size",
           .metavariable = "N",
           .help = "most messages in one transaction",
           .details = "most messages in a frame, that is in one transaction, {low} to {high}",
           .config = {.key = "batch_size"}},
          &Options::batch_size, WholeNumber<std::uint32_t>{1, 100'000}),
      option_row({.flag = "--linger",
                  .metavariable = "D",
                  .help = "longest a batch waits to fill; 0 = not at all",
                  .details = "longest a non-empty batch waits to fill; `0` = not at all",
                  .config = {.key = "linger_ms"}},
                 &Options::linger, Duration{.example = "{default}"}),
  };
}

OptionRow address_row() {
  return option_row(
      {.flag = "--db",
       .metavariable = "URL",
       .help = "sqlite:PATH, postgres://... or null:",
       .details = "`sqlite:PATH`, `postgres://...`, `\"host=... dbname=...\"`, or `null:`, which "
                  "keeps nothing and shows what `app` itself can do. A pooler before Postgres has "
                  "to pool sessions, not transactions",
       .config = {.key = "db", .note = "Passwords are shown as ***."},
       .taken_by = {.replay = true, .verify = true},
       .environment = "APP_DB",
       .redacted = true},
      &Options::db,
      Text{.allowed = "sqlite:PATH, postgres://..., \"host=... dbname=...\" or null:",
           .words = {"sqlite:", "postgres://", "null:"}});
}

// They stand where the help of app verify lists them.
OptionRows verify_rows() {
  return {
      option_row(
          {.flag = "--run",
           .metavariable = "ID",
           .help = "the run to audit",
           .details = "the run to audit, by the number its result and `loadgen_runs` show",
           .taken_by = {.run = false, .verify = true}},
          &Settings::run_to_verify,
          Maybe<PlainNumber<std::int64_t>>{
              {"the number of a run, as its result and loadgen_runs show it"}, "the latest"}),
      option_row({.flag = "--verify",
                  .metavariable = "M",
                  .help = "full compares every text; count",
                  .details = "`full` compares every text; `count` looks whether each sequence is "
                             "there once",
                  .taken_by = {.run = false, .verify = true}},
                 &Options::verify, Choice<VerifyMode>{VerifyMode::kCount}),
  };
}

OptionRows table_rows() {
  const std::string help = "target table, created when absent";
  return {
      option_row({.flag = "--table",
                  .metavariable = "NAME",
                  .help = help,
                  .details = "target table, created when absent; a table that does not fit is "
                             "refused, never changed. A schema is chosen in the address: "
                             "`?options=-csearch_path%3Dbench`",
                  .config = {.key = "table"}},
                 &Options::table, Text{"a table name"}),
      option_row({.flag = "--table",
                  .metavariable = "NAME",
                  .help = help,
                  .details = "target table, instead of the one each message was meant for",
                  .taken_by = {.run = false, .replay = true}},
                 &Settings::replay_table, Maybe<Text>{{"a table name"}, "the run's"}),
  };
}

OptionRows insertion_rows() {
  return {
      option_row({.flag = "--insert",
                  .metavariable = "M",
                  .help = "{allowed}",
                  .details = "how a frame is written. Postgres: `copy` (auto), `unnest`, `multi`, "
                             "`single`; SQLite: `multi` (auto), `single`. Under row level security "
                             "Postgres allows no copy: use `unnest`; rows that a policy refuses "
                             "are dead letters",
                  .config = {.key = "insert",
                             .note = "The method in force; auto only where there is no choice."},
                  .taken_by = {.replay = true}},
                 &Options::insert, Choice<InsertMethod>{}),
      option_row({.flag = "--durability",
                  .metavariable = "L",
                  .help = "full = a commit waits for the disk; relaxed",
                  .details = "`full`: each commit waits for the disk; `relaxed`: SQLite "
                             "synchronous=NORMAL, Postgres synchronous_commit=off",
                  .config = {.key = "durability"},
                  .taken_by = {.replay = true}},
                 &Options::durability, Choice<Durability>{}),
      option_row({.flag = "--drain-timeout",
                  .metavariable = "D",
                  .help = "time to write the rest after producing ends",
                  .details = "how long remaining messages may take to be written after production "
                             "was due to end",
                  .config = {.key = "drain_timeout_s", .after = "unsent"}},
                 &Options::drain_timeout, Duration{.example = "{default}"}),
  };
}

}  // namespace

OptionRows writing_rows() {
  return joined({frame_rows(), {address_row()}, verify_rows(), table_rows(), insertion_rows()});
}

}  // namespace loadgen
