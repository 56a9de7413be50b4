// What the program does for each thing the command line may ask for: plan, run, report. Each
// returns the process's exit code; what keeps it from being done is thrown.
#pragma once

#include <exception>
#include <string>

#include "options/parse_options.h"

namespace loadgen {

int execute(const Options& options);  // app run
int execute(const Replay& wanted);
int execute(const Verify& wanted);
int execute(const Report& wanted);
int execute(const ShowText& text);

// One line for what was thrown.
std::string reason_of(const std::exception& error);
// The process's exit code for what was thrown.
int exit_code_of(const std::exception& error);

}  // namespace loadgen
