#include "report/junit_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "report/document_texts.h"

namespace loadgen {
namespace {

using Json = nlohmann::ordered_json;

struct TestCase {
  std::string class_name;
  std::string name;
  std::string_view outcome = {};  // "failure", "error" or "skipped"; "" = passed
  std::string type = {};          // of a failure or an error
  std::string message = {};       // what was observed
};

// For the content of elements and for attributes. No control character is left after `shortened`;
// XML allows all others but two.
std::string xml(std::string_view text) {
  std::string escaped;
  const std::string shown = shortened(text);
  for (std::size_t at = 0; at < shown.size(); ++at) {
    const std::string_view rest = std::string_view{shown}.substr(at);
    if (rest.starts_with("\uFFFE") || rest.starts_with("\uFFFF")) {
      escaped += "\uFFFD";
      at += 2;
      continue;
    }
    switch (shown[at]) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&apos;";
        break;
      default:
        escaped += shown[at];
    }
  }
  return escaped;
}

TestCase completion(const Json& document) {
  TestCase test{.class_name = "loadgen.run", .name = "the run comes to its end"};
  if (const Json* const failure = find(document, "failure")) {
    test.outcome = "error";
    test.type = (*failure)["class"].get<std::string>();
    test.message = fmt::format("{} ({})", (*failure)["message"].get<std::string>(),
                               (*failure)["code"].get<std::string>());
  } else if (document["exit_code"].get<std::uint64_t>() >= 128) {
    test.outcome = "failure";
    test.type = "interrupted";
    test.message = "a signal ended the run early";
  }
  return test;
}

TestCase accounting(const Json& document) {
  TestCase test{.class_name = "loadgen.run", .name = "accounting and audit hold"};
  const Json& audit = document["audit"];
  const Json* const resumed = find(document, "resumed");
  const bool resumed_failed =
      resumed != nullptr && std::any_of(resumed->begin(), resumed->end(), [](const Json& run) {
        return run["audit"]["passed"] == false;
      });
  if (!law_holds(document)) {
    test = {test.class_name, test.name, "failure", "accounting", "the counts do not balance"};
  } else if (audit["passed"] == false || resumed_failed) {
    test = {test.class_name, test.name, "failure", "audit",
            audit["passed"] == false ? audit_text(audit) : "the audit of an earlier run failed"};
  } else if (document["exit_code"] == 4) {
    test = {test.class_name, test.name, "failure", "accounting",
            document["verdict"].get<std::string>()};
  } else if (audit["mode"] != "off" && audit["passed"].is_null()) {
    test.outcome = "skipped";
    test.message = "the audit was not finished";
  }
  return test;
}

TestCase losses(const Json& document) {
  TestCase test{.class_name = "loadgen.run", .name = "no message is lost"};
  if (const std::string lost = losses_text(document); !lost.empty()) {
    test = {test.class_name, test.name, "failure", "losses", lost};
  }
  return test;
}

std::vector<TestCase> test_cases(const Json& document) {
  std::vector<TestCase> tests{completion(document), accounting(document), losses(document)};
  for (const ThresholdText& threshold : thresholds_of(document)) {
    TestCase test{.class_name = "loadgen.threshold", .name = threshold.expression};
    if (!threshold.passed) {
      test.outcome = "failure";
      test.type = "threshold";
      test.message = fmt::format("observed: {}{}", threshold.observed,
                                 threshold.aborted ? "; this ended the run" : "");
    }
    tests.push_back(std::move(test));
  }
  return tests;
}

// One that did not pass tells why twice, because some readers show only the one or the other.
std::string to_xml(const TestCase& test) {
  const std::string head = fmt::format(R"(    <testcase classname="{}" name="{}" time="0")",
                                       xml(test.class_name), xml(test.name));
  if (test.outcome.empty()) return head + "/>\n";
  const std::string message = xml(test.message);
  if (test.outcome == "skipped") {
    return fmt::format("{}>\n      <skipped message=\"{}\"/>\n    </testcase>\n", head, message);
  }
  return fmt::format("{0}>\n      <{1} type=\"{2}\" message=\"{3}\">{3}</{1}>\n    </testcase>\n",
                     head, test.outcome, xml(test.type), message);
}

std::string property(std::string_view name, std::string_view value) {
  return fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", name, xml(value));
}

std::string properties(const Json& document) {
  const Json& database = document["environment"]["database"];
  return "    <properties>\n" + property("run_id", document["run_id"].get<std::string>()) +
         property("app_version", document["app_version"].get<std::string>()) +
         property("exit_code", document["exit_code"].dump()) +
         property("database", fmt::format("{} {}", database["kind"].get<std::string>(),
                                          database["version"].get<std::string>())) +
         property("stored", document["counts"]["stored"].dump()) +
         property("stored_per_s", document["rate"]["stored_per_s"].dump()) +
         property("response_p99_us", document["latency_us"]["response"]["p99"].dump()) +
         "    </properties>\n";
}

}  // namespace

std::string junit_report(const Json& document) {
  const std::vector<TestCase> tests = test_cases(document);
  const auto count = [&](std::string_view outcome) {
    return std::count_if(tests.begin(), tests.end(),
                         [&](const TestCase& test) { return test.outcome == outcome; });
  };
  const auto host = document["environment"]["hostname"].get<std::string>();
  // The format knows neither milliseconds nor a time zone; this is UTC.
  const std::string when = document["started_at"].get<std::string>().substr(0, 19);
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
      "  <testsuite name=\"loadgen\" package=\"loadgen\" id=\"0\" hostname=\"{}\" "
      "timestamp=\"{}\" time=\"{:.3f}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" "
      "skipped=\"{}\">\n",
      host.empty() ? "localhost" : xml(host), xml(when), document["time_s"]["total"].get<double>(),
      tests.size(), count("failure"), count("error"), count("skipped"));
  text += properties(document);
  for (const TestCase& test : tests) text += to_xml(test);
  text += fmt::format(
      "    <system-out>{}</system-out>\n    <system-err></system-err>\n  </testsuite>\n"
      "</testsuites>\n",
      xml(document["verdict"].get<std::string>()));
  return text;
}

}  // namespace loadgen
