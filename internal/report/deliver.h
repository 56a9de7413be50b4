// Hands a finished report to where the user wants it.
#pragma once

#include <span>
#include <string>

#include "report/run_report.h"

namespace loadgen {

// Throws UsageError when the file that the flag names could not be written, or is one of those
// taken. Creates nothing. "" and stdout are always fine.
void check_destination(const std::string& flag, const std::string& path,
                       std::span<const std::string> taken);

// The JSON alone, to the same places: of a run that could not start.
void deliver_json(const RunReport& report, const std::string& json);

// json: a file for the JSON, "-" to have it on stdout instead of the text, "" for none. One of two
// destinations that fails does not keep the report from the other. Throws SetupError.
void deliver(const RunReport& report, const std::string& json);

}  // namespace loadgen
