#include "report/html_report.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using loadgen::html_report;
using Json = nlohmann::ordered_json;

namespace {

// What a browser takes for the result: all up to the next end of a script.
std::string embedded(const std::string& html) {
  const std::string_view opening = R"(<script type="application/json" id="result">)";
  const std::size_t begin = html.find(opening) + opening.size();
  return html.substr(begin, html.find("</script", begin) - begin);
}

}  // namespace

TEST_CASE("html report: it holds the result unchanged, whatever text is in it") {
  const Json result{{"verdict", "</script><img src=x onerror=alert(1)><!-- <script>"},
                    {"</ScRiPt>", {1.5, nullptr, true, "\\u003c \u2028 \"quoted\" &lt;"}}};
  CHECK(Json::parse(embedded(html_report(result))) == result);
}

TEST_CASE("html report: a byte that is not UTF-8 does not spoil the page") {
  CHECK(Json::parse(embedded(html_report({{"message", "caf\xe9"}})))["message"] == "caf\ufffd");
}

TEST_CASE("html report: no result changes the page around it") {
  const std::string small = html_report(Json::object());
  const std::string large = html_report({{"verdict", "@PAGE_SCRIPT@ $& \\0 %s"}});
  CHECK(small.substr(0, small.find(embedded(small) + "</script>")) ==
        large.substr(0, large.find(embedded(large) + "</script>")));
  CHECK(small.substr(small.size() - 20'000) == large.substr(large.size() - 20'000));
  CHECK(small.ends_with("</html>\n"));
}
