// Writes a finished result to where the user wants it. Blocks.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace loadgen {

// A result in one format.
struct Output {
  std::string flag;         // that names the destination
  std::string destination;  // a file, "-" for stdout, "" for nowhere
  std::string content;
};

// "-" or /dev/stdout.
bool is_stdout(const std::string& destination);

// Throws UsageError when the file that the flag names cannot be written or is one of `taken`.
// Creates nothing. "" and stdout are always accepted.
void check_destination(const std::string& flag, const std::string& path,
                       std::span<const std::string> taken);

// Writes the outputs to their destinations, and the text to stdout, unless an output goes there
// instead. At most one may. If some files fail, all else is still written; then throws SetupError,
// one line that names each of them.
void publish(const std::string& text, const std::vector<Output>& outputs);

}  // namespace loadgen
