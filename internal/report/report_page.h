// The page that shows a result: web/, put together when the program is built (web/embed.cmake).
#pragma once

#include <string_view>

namespace loadgen {

// A result as JSON goes between the two, with each '<' in it escaped. Both live as long as the
// program.
struct ReportPage {
  std::string_view before;
  std::string_view after;
};
ReportPage report_page();

}  // namespace loadgen
