// The parts of checked-in files that are made from the rows of the options. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "options/option_rows.h"

namespace loadgen {

// For docs/app.1: a section a group, and one for each other command.
std::string man_sections();

// For README.md: a table a group.
std::string readme_tables();

// For completions/: what each command takes, and the values of an option.
std::string bash_functions();
std::string zsh_arrays();

// For docs/result.schema.json: what stands within the braces of "config".
std::string config_schema();

// Words put together into lines of at most `width` characters, each after `indent`.
std::string wrapped(std::string_view text, std::size_t width, std::string_view indent);

// Their flags.
std::vector<std::string> flags_of(const std::vector<const OptionRow*>& rows);

}  // namespace loadgen
