// All options, one row each (see option_row.h). To add one, add a field to options.h and a row to
// the file of its group, and run scripts/generate. Pure functions; safe to call from any thread.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "options/option_row.h"

namespace loadgen {

using OptionRows = std::vector<OptionRow>;

// A function for each group of the help, in the order of its lines.
OptionRows load_rows();
OptionRows channel_rows();
OptionRows writing_rows();
OptionRows delivery_rows();
OptionRows result_rows();
OptionRows other_rows();

// All of them, in the order of the help.
const OptionRows& option_rows();

// The rows of the options that a command takes.
std::vector<const OptionRow*> rows_of(CommandName command);

// The heading under which a command's help lists the row.
std::string_view group_in(CommandName command, const OptionRow& row);

// nullptr = the command takes no such option.
const OptionRow* find_row(CommandName command, std::string_view flag);

// The rows with a key in the result's config object, in its order.
std::vector<const OptionRow*> config_rows();

// The config object: keys and values in its order, without secrets.
std::vector<std::pair<std::string_view, ConfigValue>> config_values(const Options& options);

}  // namespace loadgen
