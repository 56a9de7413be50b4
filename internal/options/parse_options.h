// Command line and environment -> Options. The only user of CLI11. Starts nothing, touches no file.
#pragma once

#include <string>
#include <variant>

#include "options/options.h"

namespace loadgen {

// The user asked for a text (--help, --version) instead of a run.
struct ShowText {
  std::string text;
};

// Throws UsageError with one line that names the flag, the value and what is allowed.
std::variant<Options, ShowText> parse_options(int argc, const char* const* argv);

}  // namespace loadgen
