// Hands a finished result to where the user wants it.
#pragma once

#include <span>
#include <string>

namespace loadgen {

// Throws UsageError when the file that the flag names could not be written, or is one of those
// taken. Creates nothing. "" and stdout are always fine.
void check_destination(const std::string& flag, const std::string& path,
                       std::span<const std::string> taken);

// The JSON alone, to the same places: of what could not start.
void deliver_json(const std::string& json, const std::string& destination);

// A result as text and as JSON. destination: a file for the JSON, "-" to have it on stdout instead
// of the text, "" for none. One of two that fails does not keep the result from the other. Throws
// SetupError.
void deliver(const std::string& text, const std::string& json, const std::string& destination);

}  // namespace loadgen
