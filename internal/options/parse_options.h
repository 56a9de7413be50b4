// Command line and environment -> Options. The only user of CLI11. Starts nothing, touches no file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "options/options.h"

namespace loadgen {

// `app replay FILE`: send the messages of a dead-letter file again. Only the options of the
// database and of delivery are used.
struct Replay {
  std::string file;
  std::optional<std::string> table;  // nullopt = the one each run wrote to
  Options options;
};

// `app verify`: audit a run that is over. Only the options of the database and `verify` are used.
struct Verify {
  std::optional<std::int64_t> run_id;  // nullopt = the latest
  Options options;
};

// `app report FILE`: render the result of a run again. Only the destinations are used.
struct Report {
  std::string file;
  Options options;
};

// The user asked for a text (--help, --version) instead of a run.
struct ShowText {
  std::string text;
};

// What the command line asks for.
using Command = std::variant<Options, Replay, Verify, Report, ShowText>;

// Throws UsageError with one line that names the flag, the value and what is allowed.
Command parse_options(int argc, const char* const* argv);

}  // namespace loadgen
