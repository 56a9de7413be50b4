// Writes a finished result to where the user wants it.
#pragma once

#include <span>
#include <string>

namespace loadgen {

// Throws UsageError when the file that the flag names cannot be written or is one of `taken`.
// Creates nothing. "" and stdout are always accepted.
void check_destination(const std::string& flag, const std::string& path,
                       std::span<const std::string> taken);

// Writes only the JSON, to the same places, for a command that failed without a result.
void publish_json(const std::string& json, const std::string& destination);

// Writes a result as text and as JSON. destination: a file for the JSON, "-" for JSON on stdout
// instead of the text, "" for no JSON. If the file fails, the result is still written to stdout.
// Throws SetupError.
void publish_report(const std::string& text, const std::string& json,
                    const std::string& destination);

}  // namespace loadgen
