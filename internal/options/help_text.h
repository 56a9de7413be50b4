// What --help shows: the options in groups, one line each. A pure function.
#pragma once

#include <string>

#include "options/option_rows.h"

namespace loadgen {

std::string help_text(CommandName command);

}  // namespace loadgen
