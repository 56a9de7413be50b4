#include "options/help_text.h"

#include <fmt/format.h>

namespace loadgen {
namespace {

constexpr std::string_view kRunDescription =
    "A rate-limited load generator that writes to a database and proves what it stored.\n"
    "Usage: app [run] [options]\n"
    "       app replay FILE [options]   send dead letters again (app replay --help)\n"
    "       app verify [options]        audit a run that is over (app verify --help)\n"
    "       app report FILE [options]   render a result again (app report --help)";

constexpr std::string_view kReplayDescription =
    "Sends the messages of a --dead-letter or --unsent file again; each is stored once at most.\n"
    "Usage: app replay FILE [options]";

constexpr std::string_view kReplayFooter =
    "The file is not changed: a message that is refused again can be replayed later.\n"
    "Exit codes: 0 all that can be read are stored; 1 the database failed; 2 usage; 3 some were\n"
    "refused again.";

constexpr std::string_view kVerifyDescription =
    "Reads the rows of a run back and compares them with what the database and the run recorded.\n"
    "Usage: app verify [options]";

constexpr std::string_view kVerifyFooter =
    "Changes nothing. A run that was killed is judged by its ledger.\n"
    "Exit codes: 0 all is there once; 1 the database failed, or there is nothing to judge by;\n"
    "2 usage; 4 it is not.";

constexpr std::string_view kReportDescription =
    "Renders the result of a run, a file that --json wrote, again; without options as Markdown on\n"
    "standard output.\n"
    "Usage: app report FILE [options]";

constexpr std::string_view kReportFooter =
    "Exit codes: 0 it is rendered, whatever became of the run; 1 a file could not be written;\n"
    "2 usage, or FILE is not the result of a run.";

constexpr std::string_view kRunFooter =
    "Values: durations 10 (seconds), 250ms, 1m30s; rates 500, 50k, 1.5M; counts 10000, 10k;\n"
    "        sizes 64, 4KiB. A value follows its option after = or a blank.\n"
    "Environment: APP_DB sets --db and keeps a password off the command line.\n"
    "Exit codes: 0 all well; 1 could not start, or the database failed; 2 usage; 3 messages were\n"
    "        lost on the way and counted; 4 the audit or the accounting failed; 99 a threshold\n"
    "        failed; 130/143 ended by SIGINT/SIGTERM. The first signal drains, the second aborts,\n"
    "        the third exits at once.\n"
    "Examples:\n"
    "  app --producers=10 --consumers=5 --rps=500 --duration=10\n"
    "  app --db=postgres://user@host/bench --rps=max --duration=30\n"
    "  app --rps=50k --count=1M --verify=full --json=result.json";

struct Frame {
  std::string_view description;
  std::string_view footer;
};

Frame frame_of(CommandName command) {
  switch (command) {
    case CommandName::kReplay:
      return {kReplayDescription, kReplayFooter};
    case CommandName::kVerify:
      return {kVerifyDescription, kVerifyFooter};
    case CommandName::kReport:
      return {kReportDescription, kReportFooter};
    case CommandName::kRun:
      break;
  }
  return {kRunDescription, kRunFooter};
}

// "--name VALUE   what it does (default: x)".
std::string line_of(const OptionRow& row) {
  std::string head(row.text.short_flag);
  if (!head.empty()) head += ' ';
  head += row.text.flag;
  if (row.takes_value()) head += fmt::format(" {}", row.text.metavariable);
  const std::string fallback =
      row.fallback.empty() ? "" : fmt::format(" (default: {})", row.fallback);
  return fmt::format("  {:24}  {}{}\n", head, row.text.help, fallback);
}

}  // namespace

std::string help_text(CommandName command) {
  const Frame frame = frame_of(command);
  std::string help = fmt::format("{}\n", frame.description);
  std::string_view group;
  for (const OptionRow* row : rows_of(command)) {
    if (const auto next = group_in(command, *row); next != group) {
      group = next;
      help += fmt::format("\n{}:\n", group);
    }
    help += line_of(*row);
  }
  return help + fmt::format("\n{}\n", frame.footer);
}

}  // namespace loadgen
