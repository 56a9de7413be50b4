// The result as Markdown, for the summary of a CI job. A pure function of the result's document
// (report/result_document.h, or read_result).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace loadgen {

// GitHub's kind of Markdown. Text from the database or from a file is shown as it is: it cannot
// become markup, a link or a mention.
std::string markdown_report(const nlohmann::ordered_json& document);

}  // namespace loadgen
