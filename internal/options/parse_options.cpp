#include "options/parse_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "loadgen_version.h"
#include "options/help_text.h"
#include "options/nearest_name.h"
#include "options/option_rows.h"

namespace loadgen {
namespace {

[[noreturn]] void reject(std::string_view flag, std::string_view value, std::string_view allowed) {
  // The value may be a mistyped address with a password in it.
  throw UsageError(fmt::format("{}={}: {}", flag, printable(redact(value)), allowed));
}

// The rows read the values: CLI11's own parsers are not strict (its AsSizeValue takes "-1",
// PositiveNumber takes "nan").
void declare(CLI::App& app, const OptionRow& row, Settings& settings) {
  const std::string flag(row.text.flag);
  const auto read = [&row, &settings](const std::string& text) {
    // If a value was forgotten, the next option must not be taken for it.
    if (text.starts_with("--") || !row.read(settings, text)) {
      reject(row.text.flag, text, problem_with(row, text));
    }
    settings.given.insert(row.text.flag);
  };
  CLI::Option* option = nullptr;
  if (row.text.repeatable) {
    const auto read_each = [read](const std::vector<std::string>& texts) {
      std::for_each(texts.begin(), texts.end(), read);
    };
    option = app.add_option_function<std::vector<std::string>>(flag, read_each);
    option->expected(1, 1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  } else {
    option = row.takes_value()
                 ? app.add_option_function<std::string>(flag, read)
                 : app.add_flag_callback(flag, [&row, &settings] { row.read(settings, ""); });
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  if (!row.text.environment.empty()) option->envname(std::string(row.text.environment));
}

// "run, replay and verify".
std::string command_list() {
  std::string list;
  for (const auto& [command, name] : kCommandNames) {
    const bool is_last = name == kCommandNames.back().second;
    list += fmt::format("{}{}", list.empty() ? "" : is_last ? " and " : ", ", name);
  }
  return list;
}

[[noreturn]] void reject_unknown(CommandName command, const std::string& argument) {
  const std::string name = argument.substr(0, argument.find('='));
  if (name.empty() || name.front() != '-') {
    throw UsageError(fmt::format("{}: unknown command; the commands are {} (try --help)",
                                 one_line(redact(argument)), command_list()));
  }
  std::vector<std::string> names;
  for (const OptionRow* row : rows_of(command)) names.emplace_back(row->text.flag.substr(2));
  const std::string nearest =
      nearest_name(std::string_view{name}.substr(std::min<std::size_t>(2, name.size())), names);
  const std::string hint = nearest.empty() ? "" : fmt::format("; did you mean --{}?", nearest);
  throw UsageError(
      fmt::format("{}: unknown option{} (--help lists all)", one_line(redact(name)), hint));
}

// Two things CLI11 gets wrong: it takes the next argument as the value of "--option=", where an
// empty one is meant, and true or false as the value of a flag.
std::vector<std::string> spell_out(CommandName command, const std::vector<std::string>& arguments) {
  std::vector<std::string> spelled;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const OptionRow* row = find_row(command, name);
    if (row != nullptr && equals != std::string::npos && !row->takes_value()) {
      reject(name, argument.substr(equals + 1), "takes no value");
    }
    if (row != nullptr && equals + 1 == argument.size()) {
      spelled.push_back(name);
      spelled.emplace_back();
    } else {
      spelled.push_back(argument);
    }
  }
  return spelled;
}

// What the arguments set, and those that are no options; or the text that was asked for.
struct Parsed {
  Settings settings;
  std::vector<std::string> operands = {};
  std::optional<ShowText> text = {};
};

Parsed parse_arguments(CommandName command, std::vector<std::string> arguments) {
  Parsed parsed{.settings = defaults_of(command)};
  CLI::App app;
  app.set_help_flag();  // declared last instead
  for (const OptionRow* row : rows_of(command)) {
    if (row->read) declare(app, *row, parsed.settings);
  }
  bool version = false;
  app.set_help_flag("-h,--help");
  app.add_flag("--version", version);
  arguments = spell_out(command, arguments);
  app.allow_extras();
  try {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    parsed.text = ShowText{help_text(command)};
    return parsed;
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view what = error.what();  // begins with the option's name
    throw UsageError(fmt::format("{}: needs a value", what.substr(0, what.find(':'))));
  } catch (const CLI::ParseError& error) {
    throw UsageError(one_line(error.what()) + " (try --help)");
  }
  if (version) parsed.text = ShowText{fmt::format("app {} (loadgen)\n", kVersion)};
  for (const std::string& extra : app.remaining()) {
    if (parsed.text) break;
    if (extra.starts_with("-") && extra != "-") reject_unknown(command, extra);
    parsed.operands.push_back(extra);
  }
  return parsed;
}

// The stages say how long the run is, and begin at --rps only if it is given.
void settle_stages(Settings& settings) {
  Options& options = settings.options;
  if (options.stages.empty()) return;
  if (settings.given.contains("--duration")) {
    throw UsageError("--duration: cannot be given with --stages, which say how long the run is");
  }
  if (!settings.given.contains("--rps")) options.rps = 0;
  if (!options.rps) {
    throw UsageError(
        "--rps=max: cannot be given with --stages, which begin at a rate; expected a "
        "rate, such as 500");
  }
  options.duration = std::chrono::nanoseconds(0);
  for (const Stage& stage : options.stages) options.duration += stage.length;
}

Command to_run(Parsed parsed) {
  if (!parsed.operands.empty()) reject_unknown(CommandName::kRun, parsed.operands.front());
  settle_stages(parsed.settings);
  return std::move(parsed.settings.options);
}

Command to_replay(Parsed parsed) {
  if (parsed.operands.size() != 1) {
    throw UsageError(
        fmt::format("replay: expected one dead-letter file, and {} were given "
                    "(app replay --help)",
                    parsed.operands.size()));
  }
  return Replay{.file = parsed.operands.front(),
                .table = std::move(parsed.settings.replay_table),
                .options = std::move(parsed.settings.options)};
}

Command to_report(Parsed parsed) {
  if (parsed.operands.size() != 1) {
    throw UsageError(
        fmt::format("report: expected one result file, and {} were given (app report --help)",
                    parsed.operands.size()));
  }
  return Report{.file = parsed.operands.front(), .options = std::move(parsed.settings.options)};
}

Command to_verify(Parsed parsed) {
  if (!parsed.operands.empty()) reject_unknown(CommandName::kVerify, parsed.operands.front());
  return Verify{.run_id = parsed.settings.run_to_verify,
                .options = std::move(parsed.settings.options)};
}

}  // namespace

Command parse_options(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const std::string first = arguments.empty() ? "" : arguments.front();
  const std::optional<CommandName> named = from_name<CommandName>(first);
  if (named) arguments.erase(arguments.begin());
  const CommandName command = named.value_or(CommandName::kRun);
  Parsed parsed = parse_arguments(command, std::move(arguments));
  if (parsed.text) return *std::move(parsed.text);
  switch (command) {
    case CommandName::kReplay:
      return to_replay(std::move(parsed));
    case CommandName::kVerify:
      return to_verify(std::move(parsed));
    case CommandName::kReport:
      return to_report(std::move(parsed));
    case CommandName::kRun:
      break;
  }
  return to_run(std::move(parsed));
}

}  // namespace loadgen
