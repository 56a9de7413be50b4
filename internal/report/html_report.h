// The result as a page for a browser. It holds everything it shows, loads nothing, and its policy
// lets the browser run nothing but its own script.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace loadgen {

// A pure function. Whatever text is in the document, it ends up in the page as text. Text that is
// not UTF-8 has U+FFFD in its place.
std::string html_report(const nlohmann::ordered_json& document);

}  // namespace loadgen
