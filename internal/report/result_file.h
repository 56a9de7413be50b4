// Reads the result of a run back from a file that may hold anything. What it returns can be
// rendered and compared without further checks: every key that has a meaning here is of the right
// type. Keys that are not known are kept, and keys that only later versions write may be missing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace loadgen {

// `what` is what the message says before the path: "report: ", "--baseline=". Blocks for as long as
// the disk does; a file that is not regular (a pipe, a device) is refused, because it may never
// end. Throws UsageError with one line that names the file and, where there is one, the line or the
// key.
nlohmann::ordered_json read_result(std::string_view what, const std::string& path);

// The same for the content of a file.
nlohmann::ordered_json parse_result(std::string_view what, const std::string& path,
                                    std::string_view content);

}  // namespace loadgen
