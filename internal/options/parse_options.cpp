#include "options/parse_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "base/units.h"
#include "loadgen_version.h"

namespace loadgen {
namespace {

// The help text: options in groups, one line each, "--name VALUE   what it does (default: x)".
class HelpFormatter final : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    std::string help = app->get_description() + "\n";
    for (const std::string& group : app->get_groups()) {
      help += "\n" + group + ":\n";
      for (const CLI::Option* option : app->get_options()) {
        if (option->get_group() == group) help += make_line(*option);
      }
    }
    return help + "\n" + app->get_footer() + "\n";
  }

 private:
  static std::string make_line(const CLI::Option& option) {
    std::string head = option.get_name(false, true);
    std::replace(head.begin(), head.end(), ',', ' ');
    if (option.get_items_expected_max() > 0) head += " " + option.get_type_name();
    std::string text = option.get_description();
    if (!option.get_default_str().empty()) text += " (default: " + option.get_default_str() + ")";
    return fmt::format("  {:24}  {}\n", head, text);
  }
};

[[noreturn]] void reject(std::string_view flag, std::string_view value, std::string_view allowed) {
  // The value may be a mistyped address with a password in it.
  throw UsageError(fmt::format("{}={}: {}", flag, printable(redact(value)), allowed));
}

// Declares options whose values our own parsers read: CLI11's are not strict (its AsSizeValue
// takes "-1", PositiveNumber takes "nan").
class Declarer {
 public:
  explicit Declarer(CLI::App& app) : app_(app) {}

  void group(std::string name) { group_ = std::move(name); }

  // parse: text -> optional<T>, nullopt = not allowed.
  template <typename Field, typename Parse>
  CLI::Option* value(const std::string& flag, const std::string& placeholder, Field& field,
                     const Parse& parse, const std::string& fallback, const std::string& allowed,
                     const std::string& description) {
    const auto read = [flag, allowed, parse, &field](const std::string& text) {
      auto parsed = parse(text);
      if (!parsed) reject(flag, text, "expected " + allowed);
      field = *std::move(parsed);
    };
    return app_.add_option_function<std::string>(flag, read, description)
        ->type_name(placeholder)
        ->default_str(fallback)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->group(group_);
  }

  template <typename E>
  void choice(const std::string& flag, const std::string& placeholder, E& field,
              const std::string& description) {
    value(flag, placeholder, field, from_name<E>, std::string(to_name(field)), all_names<E>(),
          description);
  }

 private:
  CLI::App& app_;
  std::string group_;
};

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
                "skip messages that are later than this");
  declare.value(
      "--message-size", "B", options.message_size,
      [](std::string_view text) -> std::optional<std::uint32_t> {
        const auto size = parse_size(text);
        if (!size || *size < 1 || *size > 256) return std::nullopt;
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
                 "when full: block, drop-new, drop-old or abort");
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
  declare
      .value("--db", "URL", options.db, non_empty, "sqlite:messages.db",
             "sqlite:PATH, postgres://..., \"host=... dbname=...\" or null:",
             "sqlite:PATH, postgres://... or null:")
      ->envname("APP_DB");
  declare.value("--table", "NAME", options.table, non_empty, "messages", "a table name",
                "target table, created when absent");
  declare.choice("--insert", "M", options.insert, "auto, copy, multi, unnest or single");
  declare.choice("--durability", "L", options.durability,
                 "full = a commit waits for the disk; relaxed");
  declare.value("--drain-timeout", "D", options.drain_timeout, parse_duration, "20s",
                "a duration up to 365d such as 20s, or 0",
                "time to write the rest after producing ends");
}

void declare_result(Declarer& declare, Options& options) {
  declare.group("Result");
  declare.choice("--verify", "M", options.verify, "audit the stored rows: off, count or full");
  declare.value("--json", "FILE", options.json, non_empty, "", "a file name, or - for stdout",
                "write the result as JSON; - = stdout");
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
    throw UsageError(fmt::format("{}: unknown command; the only command is run (try --help)",
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
    "Usage: app [run] [options]";

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

}  // namespace

std::variant<Options, ShowText> parse_options(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (!arguments.empty() && arguments.front() == "run") arguments.erase(arguments.begin());

  Options options;
  CLI::App app(kDescription, "app");
  app.formatter(std::make_shared<HelpFormatter>());
  app.footer(kFooter);
  app.set_help_flag();  // declared last instead
  bool version = false;
  Declarer declare(app);
  declare_load(declare, options);
  declare_channel(declare, options);
  declare_writing(declare, options);
  declare_result(declare, options);
  app.add_flag("--quiet", options.quiet, "only warnings and errors on stderr")->group("Result");
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
  if (const auto extras = app.remaining(); !extras.empty()) reject_unknown(app, extras.front());
  if (version) return ShowText{fmt::format("app {} (loadgen)\n", kVersion)};
  return options;
}

}  // namespace loadgen
