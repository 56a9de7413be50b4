#include "report/html_report.h"

#include <nlohmann/json.hpp>

#include "report/report_page.h"

namespace loadgen {

std::string html_report(const nlohmann::ordered_json& document) {
  using Json = nlohmann::ordered_json;
  const auto [before, after] = report_page();
  std::string html(before);
  for (const char c : document.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    // In JSON it stands only within text. Left alone, it could end the element that holds the JSON.
    if (c == '<') {
      html += "\\u003c";
    } else {
      html += c;
    }
  }
  html += after;
  return html;
}

}  // namespace loadgen
