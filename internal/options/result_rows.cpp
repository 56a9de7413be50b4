// Rows of the groups Result and Other.
#include <string>
#include <variant>

#include "options/option_bounds.h"
#include "options/option_rows.h"
#include "options/parse_threshold.h"

namespace loadgen {
namespace {

OptionRows audit_rows() {
  return {
      option_row({.flag = "--verify",
                  .metavariable = "M",
                  .help = "audit the stored rows: {allowed}",
                  .details = "audit after the run: `off`, `count` (each sequence is there once) or "
                             "`full` (each text, too)",
                  .config = {.key = "verify"}},
                 &Options::verify, Choice<VerifyMode>{}),
      option_row({.flag = "--json",
                  .metavariable = "FILE",
                  .help = "write the result as JSON; - = stdout",
                  .details = "the result for programs, also of a run that could not start "
                             "(`failure`); `-` = stdout, and then nothing else is written there. "
                             "Nothing is started when stdout is closed or open for reading only, "
                             "whatever `--json` says",
                  .taken_by = {.replay = true, .verify = true}},
                 &Options::json, Text{"a file name, or - for stdout", Completion::kFile}),
  };
}

OptionRow threshold_row() {
  OptionRow row = repeatable_row(
      {.flag = "--threshold",
       .metavariable = "EXPR",
       .help = "exit code 99 unless this holds, such as p99<50ms",
       .details = "what the result must meet, such as `'p99<50ms'` or `'achieved>=98%'`; otherwise "
                  "the exit code is 99. May be given up to 100 times. `'abort: p99<1s'` also ends "
                  "the run as soon as that is broken over the last 10 s"},
      &Options::thresholds, Condition{});
  row.explain = [](std::string_view value) {
    const auto parsed = parse_threshold(value);
    const auto* const problem = std::get_if<std::string>(&parsed);
    return problem != nullptr ? *problem : "";
  };
  return row;
}

OptionRows threshold_rows() {
  return {threshold_row(),
          option_row({.flag = "--percentiles",
                      .metavariable = "LIST",
                      .help = "percentiles of latency in the result",
                      .details = "percentiles of latency that the text result shows, up to 20; the "
                                 "JSON result has them too, such as `p99_95`"},
                     &Options::percentiles, Percentiles{20})};
}

OptionRows rendering_rows() {
  constexpr TakenBy kAlsoReport{.report = true};
  const Text file{"a file name, or - for stdout", Completion::kFile};
  return {
      option_row({.flag = "--html",
                  .metavariable = "FILE",
                  .help = "write the result as a page for a browser; - = stdout",
                  .details = "the result as one page for a browser, with charts, that loads "
                             "nothing from elsewhere; also of a run that could not start. `-` = "
                             "stdout, as for `--json`, for one format only",
                  .taken_by = kAlsoReport},
                 &Options::html, file),
      option_row({.flag = "--markdown",
                  .metavariable = "FILE",
                  .help = "write the result as Markdown; - = stdout",
                  .details = "the result as Markdown, for the summary of a CI job, likewise",
                  .taken_by = kAlsoReport},
                 &Options::markdown, file),
      option_row({.flag = "--junit",
                  .metavariable = "FILE",
                  .help = "write the result as JUnit XML; - = stdout",
                  .details = "the result as JUnit XML, for the test reports of CI, likewise: a "
                             "test case for each threshold, and three for the run's end, its "
                             "accounting and audit, and its losses",
                  .taken_by = kAlsoReport},
                 &Options::junit, file),
  };
}

OptionRows side_file_rows() {
  const Text file{"a file name", Completion::kFile};
  return {
      option_row({.flag = "--hdr-log",
                  .metavariable = "FILE",
                  .help = "write the latency of each second as an HdrHistogram log",
                  .details = "the latency of each second as HdrHistogram's interval log, with the "
                             "tags `response`, `schedule_lag`, `queue_wait`, `batch_wait` and "
                             "`write`. The intervals add up to the result, so a warm-up is left "
                             "out, and so is a second in which nothing was stored. The file "
                             "appears when everything is written or given up"},
                 &Options::hdr_log, file),
      option_row({.flag = "--hgrm",
                  .metavariable = "FILE",
                  .help = "write the percentiles of the response time for HdrHistogram's plotter",
                  .details = "the percentile distribution of the response time in milliseconds, "
                             "as HdrHistogram prints it and its plotter reads it"},
                 &Options::hgrm, file),
      option_row(
          {.flag = "--timeseries",
           .metavariable = "FILE",
           .help = "write a row for each second, as .csv or .jsonl",
           .details = "the course of the run, a row for each second, as CSV or JSON Lines by "
                      "the file's name; the keys are those of `series.samples` in the result, "
                      "in CSV with `_` between the parts. Written when the run is over"},
          &Options::timeseries,
          Text{.allowed = "a file name that ends with .csv or .jsonl",
               .completion = Completion::kFile,
               .endings = {".csv", ".jsonl"}}),
  };
}

OptionRows log_rows() {
  using namespace std::chrono_literals;
  return {
      option_row({.flag = "--progress",
                  .metavariable = "D",
                  .help = "time between progress lines, or off",
                  .details = "time between progress lines, or `off`"},
                 &Options::progress,
                 Maybe<Duration>{{.low = 10ms}, "off", NameOfNone::kMayBeWritten}),
      option_row({.flag = "--log-level",
                  .metavariable = "L",
                  .help = "{allowed}",
                  .details = "what goes to stderr: {allowed}. An audit that takes longer than a "
                             "second reports its progress there; lines for which there is no room, "
                             "because nothing reads stderr, are dropped and counted",
                  .taken_by = {.replay = true, .verify = true}},
                 &Options::log_level, Choice<LogLevel>{}),
      option_row({.flag = "--quiet",
                  .help = "only warnings and errors on stderr",
                  .details = "only warnings and errors on stderr, no progress",
                  .taken_by = {.replay = true}},
                 &Options::quiet, Switch{}),
  };
}

}  // namespace

OptionRows result_rows() {
  return joined({audit_rows(), rendering_rows(), side_file_rows(), threshold_rows(), log_rows()});
}

OptionRows other_rows() {
  constexpr TakenBy kEvery{.run = true, .replay = true, .verify = true, .report = true};
  return {{.text = {.flag = "--help",
                    .help = "show this help",
                    .details = "show the help",
                    .taken_by = kEvery,
                    .short_flag = "-h"}},
          {.text = {.flag = "--version",
                    .help = "show the version",
                    .details = "show the version",
                    .taken_by = kEvery}}};
}

}  // namespace loadgen
