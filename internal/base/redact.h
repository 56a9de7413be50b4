// Keeps secrets out of every output. Every database address and driver's message must pass through
// here before it is shown. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace loadgen {

// A database address with each password replaced by "***". On malformed text it hides too much
// rather than too little.
std::string redact(std::string_view address);

// The passwords in an address, as written and with escapes undone; empty ones are left out.
std::vector<std::string> secrets_in(std::string_view address);

// A hint to add to the error about an address that did not work: how to write its password, if that
// may be the cause; otherwise "".
std::string password_hint(std::string_view address);

// Text fit for output on one line, whatever it holds: newlines become "; ", a tab a blank, other
// control characters, and those that turn the direction of writing round, "?".
std::string printable(std::string_view text);

// A driver's message, printable, without the blanks at its end and with each secret as "***".
std::string one_line(std::string_view message, const std::vector<std::string>& secrets = {});

}  // namespace loadgen
