// The result as JUnit XML, for the test reports of CI servers. A pure function of the result's
// document (report/result_document.h, or read_result).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace loadgen {

// One suite: a test case for each threshold, and three that are always there: that the run came to
// its end, that accounting and audit hold, and that no message was lost. Whatever a text holds, the
// document is well-formed XML 1.0.
std::string junit_report(const nlohmann::ordered_json& document);

}  // namespace loadgen
