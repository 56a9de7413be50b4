#include "options/parse_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "base/text_limit.h"
#include "base/units.h"
#include "loadgen_version.h"
#include "options/declarer.h"

namespace loadgen {
namespace {

// A whole number within [low, high], with unit suffixes as parse_count reads them.
template <typename T>
auto count_within(std::uint64_t low, std::uint64_t high) {
  return [low, high](std::string_view text) -> std::optional<T> {
    const auto count = parse_count(text);
    if (!count || *count < low || *count > high) return std::nullopt;
    return static_cast<T>(*count);
  };
}

// What a parser gives for a field that may be empty: nullopt = not allowed, an empty optional
// within = allowed, and means none.
template <typename T>
using MaybeSet = std::optional<std::optional<T>>;

std::optional<std::chrono::nanoseconds> positive_duration(std::string_view text) {
  const auto duration = parse_duration(text);
  return duration && duration->count() > 0 ? duration : std::nullopt;
}

std::optional<std::string> non_empty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(std::string(text));
}

constexpr std::uint64_t kMostMessages = 1'000'000'000'000'000;  // 31 years at a million a second

void declare_load(Declarer& declare, Options& options) {
  declare.group("Load");
  declare.value("--producers", "N", options.producers, count_within<std::uint32_t>(1, 1024), "10",
                "a whole number from 1 to 1024", "threads that create messages, 1..1024");
  declare.value(
      "--rps", "R", options.rps,
      [](std::string_view text) -> MaybeSet<double> {
        if (text == "max") return std::optional<double>();
        const auto rate = parse_rate(text);
        if (!rate) return std::nullopt;
        return rate;
      },
      "500", "a rate from 0.000001 to 1G, such as 500, 0.5, 50k, 1.5M, or max",
      "messages per second over all producers; max = no limit");
  declare.value("--duration", "D", options.duration, parse_duration, "10s",
                "a duration up to 365d such as 10 (seconds), 250ms, 1m30s, or 0 for until a signal",
                "how long to produce; 0 = until a signal");
  declare.value("--count", "N", options.count, count_within<std::uint64_t>(1, kMostMessages), "",
                "a whole number from 1 to 1000000G, such as 10000 or 10k",
                "stop after N messages, if that is before --duration ends");
  declare.value("--burst", "N", options.burst, count_within<std::uint64_t>(1, kMostMessages),
                "unlimited", "a whole number from 1 to 1000000G",
                "overdue messages that may wait; more are skipped");
  declare.value("--max-lag", "D", options.max_lag, positive_duration, "",
                "a duration above 0, up to 365d, such as 250ms",
                "do not send messages that are later than this");
  declare.value(
      "--message-size", "B", options.message_size,
      [](std::string_view text) -> std::optional<std::uint32_t> {
        const auto size = parse_size(text);
        if (!size || *size < 1 || *size > kLongestText) return std::nullopt;
        return static_cast<std::uint32_t>(*size);
      },
      "64", "a size from 1 to 256 bytes", "bytes of text in a message, 1..256");
  declare.value("--seed", "N", options.seed, parse_unsigned, "random",
                "a whole number from 0 to 18446744073709551615", "same seed = same message texts");
}

void declare_channel(Declarer& declare, Options& options) {
  declare.group("Channel");
  declare.value("--queue-capacity", "N", options.queue_capacity,
                count_within<std::uint64_t>(1, 100'000'000), "10000",
                "a whole number from 1 to 100M", "messages that may wait between the threads");
  declare.choice("--on-full", "P", options.on_full,
                 "when full: block, drop-new, drop-old, abort, spill");
  declare.value("--spool", "DIR", options.spool, non_empty, "", "a directory",
                "keep messages on disk until stored; resumes");
}

void declare_address(Declarer& declare, Options& options) {
  declare
      .value("--db", "URL", options.db, non_empty, "sqlite:messages.db",
             "sqlite:PATH, postgres://..., \"host=... dbname=...\" or null:",
             "sqlite:PATH, postgres://... or null:")
      ->envname("APP_DB");
}

template <typename Field>
void declare_table(Declarer& declare, Field& table, const std::string& fallback) {
  declare.value("--table", "NAME", table, non_empty, fallback, "a table name",
                "target table, created when absent");
}

void declare_insertion(Declarer& declare, Options& options) {
  declare.choice("--insert", "M", options.insert, "auto, copy, multi, unnest or single");
  declare.choice("--durability", "L", options.durability,
                 "full = a commit waits for the disk; relaxed");
}

void declare_writing(Declarer& declare, Options& options) {
  declare.group("Writing");
  declare.value("--consumers", "N", options.consumers, count_within<std::uint32_t>(1, 1024), "5",
                "a whole number from 1 to 1024", "threads that write, each with a connection");
  declare.value("--batch-size", "N", options.batch_size, count_within<std::uint32_t>(1, 100'000),
                "500", "a whole number from 1 to 100000", "most messages in one transaction");
  declare.value("--linger", "D", options.linger, parse_duration, "5ms",
                "a duration up to 365d such as 5ms, or 0",
                "longest a batch waits to fill; 0 = not at all");
  declare_address(declare, options);
  declare_table(declare, options.table, options.table);
  declare_insertion(declare, options);
  declare.value("--drain-timeout", "D", options.drain_timeout, parse_duration, "20s",
                "a duration up to 365d such as 20s, or 0",
                "time to write the rest after producing ends");
}

void declare_waits(Declarer& declare, Options& options) {
  declare.value("--timeout", "D", options.timeout, positive_duration, "30s",
                "a duration above 0, up to 365d, such as 30s",
                "longest one attempt to write, or to read, may take");
  declare.value("--connect-wait", "D", options.connect_wait, parse_duration, "10s",
                "a duration up to 365d such as 10s, or 0",
                "wait for a database that is not up, locked, or silent");
}

void declare_attempts(Declarer& declare, Options& options) {
  declare.value("--retries", "N", options.retries, count_within<std::uint64_t>(0, 1'000'000'000),
                "unlimited", "a whole number from 0 to 1G such as 5", "retries of one frame");
  declare.value(
      "--retry-delay", "MIN,MAX", options.retry_delay,
      [](std::string_view text) -> std::optional<RetryDelay> {
        const std::size_t comma = text.find(',');
        if (comma == std::string_view::npos) return std::nullopt;
        const auto shortest = positive_duration(text.substr(0, comma));
        const auto longest = positive_duration(text.substr(comma + 1));
        if (!shortest || !longest || *shortest > *longest) return std::nullopt;
        return RetryDelay{*shortest, *longest};
      },
      "50ms,10s", "two durations above 0, the longer last, such as 50ms,10s",
      "wait before a retry: doubles up to MAX, at random");
  declare_waits(declare, options);
  declare.choice("--breaker", "B", options.breaker,
                 "pause all while the database is down: on, off");
}

void declare_delivery(Declarer& declare, Options& options) {
  declare.group("Delivery");
  declare.choice("--delivery", "G", options.delivery,
                 "exactly-once (by a ledger) or at-least-once");
  declare_attempts(declare, options);
  declare.value("--dead-letter", "FILE", options.dead_letter, non_empty, "dead-letter.jsonl",
                "a file name", "where messages go that can never be stored");
  declare.value("--max-dead-letters", "N", options.max_dead_letters,
                count_within<std::uint64_t>(0, kMostMessages), "10000",
                "a whole number from 0 to 1000000G", "more of them end the run");
  declare.value("--unsent", "FILE", options.unsent, non_empty, "", "a file name",
                "where messages go that were not written in time, or are in doubt");
}

void declare_json(Declarer& declare, Options& options) {
  declare.value("--json", "FILE", options.json, non_empty, "", "a file name, or - for stdout",
                "write the result as JSON; - = stdout");
}

void declare_result(Declarer& declare, Options& options) {
  declare.group("Result");
  declare.choice("--verify", "M", options.verify, "audit the stored rows: off, count or full");
  declare_json(declare, options);
  declare.value(
      "--progress", "D", options.progress,
      [](std::string_view text) -> MaybeSet<std::chrono::nanoseconds> {
        if (text == "off") return std::optional<std::chrono::nanoseconds>();
        const auto interval = parse_duration(text);
        if (!interval || *interval < std::chrono::milliseconds(10)) return std::nullopt;
        return interval;
      },
      "1s", "off or a duration from 10ms to 365d", "time between progress lines, or off");
  declare.choice("--log-level", "L", options.log_level, "debug, info, warn, error or off");
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, substitute});
    }
  }
  return row.back();
}

[[noreturn]] void reject_unknown(const CLI::App& app, const std::string& argument) {
  const std::string name = argument.substr(0, argument.find('='));
  if (name.empty() || name.front() != '-') {
    throw UsageError(
        fmt::format("{}: unknown command; the commands are run, replay and verify (try --help)",
                    one_line(redact(argument))));
  }
  std::string nearest;
  std::size_t best = name.size() / 2 + 1;  // further away it is a guess, not a typing error
  for (const CLI::Option* option : app.get_options()) {
    const std::string candidate = "--" + option->get_lnames().front();
    const bool begins = name.size() > 3 && candidate.starts_with(name);
    const std::size_t distance = begins ? 0 : edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  const std::string hint = nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
  throw UsageError(
      fmt::format("{}: unknown option{} (--help lists all)", one_line(redact(name)), hint));
}

// Two things CLI11 gets wrong: it takes the next argument as the value of "--option=", where an
// empty one is meant, and true or false as the value of a flag.
std::vector<std::string> spell_out(const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> spelled;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const CLI::Option* option = name.starts_with("--") ? app.get_option_no_throw(name) : nullptr;
    if (option != nullptr && equals != std::string::npos && option->get_items_expected_max() == 0) {
      reject(name, argument.substr(equals + 1), "takes no value");
    }
    if (option != nullptr && equals + 1 == argument.size()) {
      spelled.push_back(name);
      spelled.emplace_back();
    } else {
      spelled.push_back(argument);
    }
  }
  return spelled;
}

constexpr const char* kDescription =
    "A rate-limited load generator that writes to a database and proves what it stored.\n"
    "Usage: app [run] [options]\n"
    "       app replay FILE [options]   send dead letters again (app replay --help)\n"
    "       app verify [options]        audit a run that is over (app verify --help)";

constexpr const char* kReplayDescription =
    "Sends the messages of a --dead-letter or --unsent file again; each is stored once at most.\n"
    "Usage: app replay FILE [options]";

constexpr const char* kReplayFooter =
    "The file is not changed: a message that is refused again can be replayed later.\n"
    "Exit codes: 0 all that can be read are stored; 1 the database failed; 2 usage; 3 some were\n"
    "refused again.";

constexpr const char* kVerifyDescription =
    "Reads the rows of a run back and compares them with what the database and the run recorded.\n"
    "Usage: app verify [options]";

constexpr const char* kVerifyFooter =
    "Changes nothing. A run that was killed is judged by its ledger.\n"
    "Exit codes: 0 all is there once; 1 the database failed, or there is nothing to judge by;\n"
    "2 usage; 4 it is not.";

constexpr const char* kFooter =
    "Values: durations 10 (seconds), 250ms, 1m30s; rates 500, 50k, 1.5M; counts 10000, 10k;\n"
    "        sizes 64, 4KiB. A value follows its option after = or a blank.\n"
    "Environment: APP_DB sets --db and keeps a password off the command line.\n"
    "Exit codes: 0 all well; 1 could not start, or the database failed; 2 usage; 3 messages were\n"
    "        lost on the way and counted; 4 the audit or the accounting failed; 130/143 ended by\n"
    "        SIGINT/SIGTERM. The first signal drains, the second aborts, the third exits at once.\n"
    "Examples:\n"
    "  app --producers=10 --consumers=5 --rps=500 --duration=10\n"
    "  app --db=postgres://user@host/bench --rps=max --duration=30\n"
    "  app --rps=50k --count=1M --verify=full --json=result.json";

using ParsedText = std::optional<ShowText>;

// Reads the arguments into what was declared. What is no option goes to `operands`. A text: that is
// what the user asked for.
ParsedText parse_into(CLI::App& app, std::vector<std::string> arguments,
                      std::vector<std::string>& operands) {
  bool version = false;
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "show this help")->group("Other");
  app.add_flag("--version", version, "show the version")->group("Other");
  arguments = spell_out(app, arguments);
  app.allow_extras();
  try {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return ShowText{app.help()};
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view what = error.what();  // begins with the option's name
    throw UsageError(fmt::format("{}: needs a value", what.substr(0, what.find(':'))));
  } catch (const CLI::ParseError& error) {
    throw UsageError(one_line(error.what()) + " (try --help)");
  }
  if (version) return ShowText{fmt::format("app {} (loadgen)\n", kVersion)};
  for (const std::string& extra : app.remaining()) {
    if (extra.starts_with("-")) reject_unknown(app, extra);
    operands.push_back(extra);
  }
  return std::nullopt;
}

Command parse_run(std::vector<std::string> arguments) {
  Options options;
  CLI::App app(kDescription, "app");
  app.footer(kFooter);
  app.set_help_flag();  // declared last instead
  Declarer declare(app);
  declare_load(declare, options);
  declare_channel(declare, options);
  declare_writing(declare, options);
  declare_delivery(declare, options);
  declare_result(declare, options);
  app.add_flag("--quiet", options.quiet, "only warnings and errors on stderr")->group("Result");
  std::vector<std::string> operands;
  if (auto text = parse_into(app, std::move(arguments), operands)) return *std::move(text);
  if (!operands.empty()) reject_unknown(app, operands.front());
  return options;
}

Command parse_replay(std::vector<std::string> arguments) {
  Replay replay;
  CLI::App app(kReplayDescription, "app replay");
  app.footer(kReplayFooter);
  app.set_help_flag();  // declared last instead
  Declarer declare(app);
  declare.group("Writing");
  declare_address(declare, replay.options);
  declare_table(declare, replay.table, "the run's");
  declare_insertion(declare, replay.options);
  declare.group("Delivery");
  declare_attempts(declare, replay.options);
  declare.group("Other");
  declare_json(declare, replay.options);
  declare.choice("--log-level", "L", replay.options.log_level, "debug, info, warn, error or off");
  app.add_flag("--quiet", replay.options.quiet, "only warnings and errors on stderr")
      ->group("Other");
  std::vector<std::string> operands;
  if (auto text = parse_into(app, std::move(arguments), operands)) return *std::move(text);
  if (operands.size() != 1) {
    throw UsageError(
        fmt::format("replay: expected one dead-letter file, and {} were given "
                    "(app replay --help)",
                    operands.size()));
  }
  replay.file = operands.front();
  return replay;
}

Command parse_verify(std::vector<std::string> arguments) {
  Verify verify;
  verify.options.verify = VerifyMode::kFull;
  CLI::App app(kVerifyDescription, "app verify");
  app.footer(kVerifyFooter);
  app.set_help_flag();  // declared last instead
  Declarer declare(app);
  declare.group("Options");
  declare_address(declare, verify.options);
  declare.value(
      "--run", "ID", verify.run_id,
      [](std::string_view text) -> MaybeSet<std::int64_t> {
        const auto id = parse_unsigned(text);
        if (!id || *id > INT64_MAX) return std::nullopt;
        return std::optional(static_cast<std::int64_t>(*id));
      },
      "the latest", "the number of a run, as its result and loadgen_runs show it",
      "the run to audit");
  declare.choice("--verify", "M", verify.options.verify, "full compares every text; count");
  declare_waits(declare, verify.options);
  declare_json(declare, verify.options);
  declare.choice("--log-level", "L", verify.options.log_level, "debug, info, warn, error or off");
  std::vector<std::string> operands;
  if (auto text = parse_into(app, std::move(arguments), operands)) return *std::move(text);
  if (!operands.empty()) reject_unknown(app, operands.front());
  if (verify.options.verify == VerifyMode::kOff) {
    reject("--verify", "off", "expected count or full");
  }
  return verify;
}

}  // namespace

Command parse_options(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const std::string command = arguments.empty() ? "" : arguments.front();
  if (command == "run" || command == "replay" || command == "verify") {
    arguments.erase(arguments.begin());
  }
  if (command == "replay") return parse_replay(std::move(arguments));
  if (command == "verify") return parse_verify(std::move(arguments));
  return parse_run(std::move(arguments));
}

}  // namespace loadgen
