#include "report/junit_report.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "report/result_file.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace loadgen;

namespace {

using Json = nlohmann::ordered_json;

Json golden(const std::string& name) { return read_result("", LOADGEN_GOLDEN_DIR "/" + name); }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What xmllint has to say against it; "" = it is what JUnit readers expect.
std::string violations(const std::string& xml) {
  const TempDir directory;
  write_file(directory.file("junit.xml"), xml);
  const ProcessResult result =
      run_process({"xmllint", "--noout", "--schema", LOADGEN_GOLDEN_DIR "/junit.xsd",
                   directory.file("junit.xml")});
  return result.exit_code == 0 ? "" : result.out + result.err + "failed";
}

const std::string kRun = "<testcase classname=\"loadgen.run\" name=";

}  // namespace

TEST_CASE("junit: a result with trouble") {
  const std::string xml = junit_report(golden("trouble.json"));
  CHECK(xml == read_file(LOADGEN_GOLDEN_DIR "/trouble.xml"));
  CHECK(violations(xml) == "");
}

TEST_CASE("junit: a run that could not start is an error with its reason") {
  const std::string xml = junit_report(golden("unstarted.json"));
  CHECK(contains(xml, "<error type=\"outage\" message=\"no such host (08001)\">"));
  CHECK(contains(xml, "errors=\"1\""));
  CHECK(violations(xml) == "");
}

TEST_CASE("junit: a sound result has passed") {
  Json document = golden("trouble.json");
  document["failure"] = nullptr;
  document["exit_code"] = 0;
  document["audit"]["passed"] = true;
  document["resumed"] = Json::array();
  for (const char* end : {"dead_lettered", "dropped", "spooled", "unsent", "in_doubt"}) {
    document["counts"][end] = 0;
  }
  document["counts"]["stored"] = document["counts"]["produced"];
  document["thresholds"] = Json::array();
  const std::string xml = junit_report(document);
  CHECK(contains(xml, "tests=\"3\" failures=\"0\" errors=\"0\" skipped=\"0\""));
  CHECK(contains(xml, kRun + "\"the run comes to its end\" time=\"0\"/>"));
  CHECK(contains(xml, kRun + "\"accounting and audit hold\" time=\"0\"/>"));
  CHECK(contains(xml, kRun + "\"no message is lost\" time=\"0\"/>"));
  CHECK(violations(xml) == "");

  document["exit_code"] = 130;
  CHECK(contains(junit_report(document), "<failure type=\"interrupted\""));
  document["exit_code"] = 4;
  CHECK(contains(junit_report(document), "<failure type=\"accounting\""));
  document["exit_code"] = 0;
  document["audit"]["passed"] = nullptr;
  CHECK(contains(junit_report(document), "<skipped message=\"the audit was not finished\"/>"));
  CHECK(violations(junit_report(document)) == "");
  document["audit"]["mode"] = "off";
  CHECK(contains(junit_report(document), "skipped=\"0\""));
  document["counts"]["stored"] = 1;
  CHECK(contains(junit_report(document), "message=\"the counts do not balance\""));
}

TEST_CASE("junit: a threshold is a test case, and a failure tells what was observed") {
  Json document = golden("trouble.json");
  document["thresholds"] = {
      {{"expression", "p99<50ms"}, {"observed", 61.2}, {"passed", false}, {"aborted", true}},
      {{"expression", "lost==0"}, {"observed", 0}, {"passed", true}, {"aborted", false}}};
  const std::string xml = junit_report(document);
  CHECK(contains(xml,
                 "<testcase classname=\"loadgen.threshold\" name=\"p99&lt;50ms\" time=\"0\">\n"
                 "      <failure type=\"threshold\" message=\"observed: 61.2; this ended the run\">"
                 "observed: 61.2; this ended the run</failure>"));
  CHECK(contains(xml, "name=\"lost==0\" time=\"0\"/>"));
  CHECK(contains(xml, "tests=\"5\""));
  CHECK(violations(xml) == "");
}

TEST_CASE("junit: whatever a text holds, the document is well-formed and shows it") {
  Json document = golden("trouble.json");
  const std::string hostile =
      "]]>\" ' <x/> & &#0; \x01\x02\x1b\x7f \r\n\t \uFFFE\uFFFF \u202e \u00fc \U0001F600 \u0085";
  for (const char* key : {"/failure/message", "/failure/code", "/failure/class", "/verdict",
                          "/run_id", "/app_version", "/environment/hostname",
                          "/environment/database/version", "/thresholds/0/expression"}) {
    document[Json::json_pointer(key)] = hostile;
  }
  document["thresholds"][0]["passed"] = true;
  const std::string xml = junit_report(document);
  CHECK(violations(xml) == "");
  CHECK(contains(xml,
                 "<system-out>]]&gt;&quot; &apos; &lt;x/&gt; &amp; &amp;#0; ???? ?;   "
                 "\uFFFD\uFFFD ? \u00fc \U0001F600 ?</system-out>"));
  document["environment"]["hostname"] = "";
  CHECK(violations(junit_report(document)) == "");
}
