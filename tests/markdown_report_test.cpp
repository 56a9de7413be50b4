#include "report/markdown_report.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "report/result_file.h"
#include "support/process.h"

using namespace loadgen;

namespace {

using Json = nlohmann::ordered_json;

// A result as an earlier run wrote it, with everything in it that can be in one.
Json trouble() { return read_result("", LOADGEN_GOLDEN_DIR "/trouble.json"); }

std::string line_with(const std::string& text, const std::string& part) {
  const std::size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  const std::size_t begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

}  // namespace

TEST_CASE("markdown: a result with trouble") {
  CHECK(markdown_report(trouble()) == read_file(LOADGEN_GOLDEN_DIR "/trouble.md"));
}

TEST_CASE("markdown: a run that could not start shows why, and no latencies") {
  CHECK(markdown_report(read_result("", LOADGEN_GOLDEN_DIR "/unstarted.json")) ==
        read_file(LOADGEN_GOLDEN_DIR "/unstarted.md"));
}

TEST_CASE("markdown: text from outside stays text") {
  Json document = trouble();
  const std::string hostile = "a`b``c|d\n# e <b>@someone</b> [x](http://y) www.z.org ~~f~~ \x1b[1m";
  document["errors"][0]["message"] = hostile;
  document["errors"][0]["code"] = "`";
  document["verdict"] = hostile;
  document["thresholds"][0]["expression"] = hostile;
  document["environment"]["database"]["version"] = hostile;
  document["config"]["table"] = "```\n</details># x";
  const std::string text = markdown_report(document);
  // Each time as one code span.
  const std::string span =
      "``` a`b``c\u00a6d; # e <b>@someone</b> [x](http://y) www.z.org ~~f~~ ?[1m ```";
  CHECK(line_with(text, "of `` ` ``").ends_with(": " + span));
  CHECK(line_with(text, "| ``` a").starts_with("| " + span + " | "));
  CHECK(text.find("\n\n" + span + "\n\n") != std::string::npos);
  CHECK(line_with(text, "| database |") ==
        "| database | " + std::string("``` postgres ") + span.substr(4) + " |");
  CHECK(line_with(text, "table: ```") == "table: ```; </details># x");
  CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("markdown: a sentence with nothing special in it is no code") {
  Json document = trouble();
  document["verdict"] = "The rate of 500 messages a second was sustained.";
  CHECK(markdown_report(document).find(
            "\n\nThe rate of 500 messages a second was sustained.\n\n") != std::string::npos);
}

TEST_CASE("markdown: a long text is cut between characters") {
  Json document = trouble();
  std::string umlauts = "x";
  while (umlauts.size() < 5'000) umlauts += "\u00fc";
  document["errors"][0]["message"] = umlauts;
  const std::string text = markdown_report(document);
  CHECK(text.size() < 10'000);
  CHECK(text.find("\u00fc... `") != std::string::npos);
}

TEST_CASE("markdown: thresholds have a row each, and a result without any has no table") {
  Json document = trouble();
  document["thresholds"] = {
      {{"expression", "p99<50ms"}, {"observed", 12.5}, {"passed", true}, {"aborted", false}},
      {{"expression", "p50<1ms"}, {"observed", nullptr}, {"passed", false}, {"aborted", false}},
      {{"expression", "lost==0"}, {"observed", 2}, {"passed", false}, {"aborted", true}}};
  const std::string text = markdown_report(document);
  CHECK(line_with(text, "p99<50ms") == "| ` p99<50ms ` | ` 12.5 ` | ✅ passed |");
  CHECK(line_with(text, "p50<1ms") == "| ` p50<1ms ` | ` no samples ` | ❌ failed |");
  CHECK(line_with(text, "lost==0") == "| ` lost==0 ` | ` 2 ` | ❌ failed, and ended the run |");
  document.erase("thresholds");
  CHECK(markdown_report(document).find("threshold |") == std::string::npos);
}
