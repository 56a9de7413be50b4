#include "report/result_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "report/result_document.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace loadgen;

namespace {

using Json = nlohmann::ordered_json;
using Pointer = Json::json_pointer;

// The document of a run that recorded nothing yet has all keys.
Json sound_result() {
  RunReport report;
  report.verdict = "Nothing was done.";
  report.errors = {{"57P01", "fatal", 4, "terminating connection"}};
  report.resumed = {{.run_id = 76}};
  report.database.durability = {{"fsync", "on"}};
  return result_document(report);
}

std::string refusal(std::string_view content) {
  try {
    parse_result("--baseline=", "run.json", content);
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

std::string refusal_of(const Json& document) { return refusal(json_text(document)); }

std::string file_refusal(const std::string& path) {
  try {
    read_result("report: ", path);
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("result file: what a run wrote is read back unchanged") {
  const TempDir directory;
  const Json document = sound_result();
  write_file(directory.file("run.json"), json_report(document));
  CHECK(read_result("report: ", directory.file("run.json")) == document);
}

TEST_CASE("result file: keys that are not known are kept") {
  Json document = sound_result();
  document["new"] = {{"a", {1, nullptr, "x"}}};
  document["counts"]["new"] = -1;
  CHECK(parse_result("report: ", "run.json", json_text(document)) == document);
}

TEST_CASE("result file: an earlier version wrote fewer keys") {
  Json document = sound_result();
  for (const char* later : {"thresholds", "warmup", "bottleneck", "events", "series"}) {
    document.erase(later);
  }
  document["latency_us"].erase("uncorrected");
  document["client"].erase("threads");
  document["client"].erase("oversleep_us");
  CHECK(refusal_of(document) == "");
}

TEST_CASE("result file: what is not JSON is refused with its line") {
  const std::string sound = json_text(sound_result());
  CHECK(refusal("") == "--baseline=run.json:1: not JSON: it ends too early");
  CHECK(refusal(sound.substr(0, sound.size() / 2)).ends_with(": not JSON: it ends too early"));
  CHECK(refusal("{\n\"schema_version\": 1,\n}") == "--baseline=run.json:3: not JSON");
  CHECK(refusal(sound + "{}").ends_with(": not JSON"));
  CHECK(refusal("{\n\"a\": NaN}") == "--baseline=run.json:2: not JSON");
  CHECK(refusal("{\"a\": \"\xff\"}") == "--baseline=run.json:1: not JSON");
  CHECK(refusal(std::string("{\"a\": 1\0}", 9)) == "--baseline=run.json:1: not JSON");
  CHECK(refusal("{\"a\": 1e999}") == "--baseline=run.json: holds a number that is too large");
}

TEST_CASE("result file: what is no result of this version is refused") {
  for (const char* other : {"{}", "[]", "null", "7", R"({"schema_version": "1"})"}) {
    CAPTURE(other);
    CHECK(refusal(other) ==
          "--baseline=run.json: is not a result of loadgen: /schema_version is missing");
  }
  CHECK(refusal(R"({"schema_version": 2})") ==
        "--baseline=run.json: /schema_version: expected 1, found 2");
  // As app verify and app replay write.
  CHECK(refusal(R"({"schema_version": 1, "replayed": 3, "exit_code": 0, "failure": null})") ==
        "--baseline=run.json: /run_id: is missing; expected a text");
}

TEST_CASE("result file: a key of the wrong type is refused by name") {
  struct Edit {
    const char* key;
    Json value;
    const char* told;
  };
  for (const Edit& edit : {
           Edit{"/run_id", 7, "/run_id: expected a text, found 7"},
           Edit{"/counts", nullptr, "/counts: expected an object, found null"},
           Edit{"/counts/stored", -1,
                "/counts/stored: expected a whole number from 0 to 1e18, found -1"},
           Edit{"/counts/stored", 1.5,
                "/counts/stored: expected a whole number from 0 to 1e18, found 1.5"},
           Edit{"/time_s/total", 1e300,
                "/time_s/total: expected a number from 0 to 1e18, found 1e+300"},
           Edit{"/rate/sustained", "yes",
                "/rate/sustained: expected true or false or null, found \"yes\""},
           Edit{"/latency_us/write/p99_9",
                {1},
                "/latency_us/write/p99_9: expected a number from 0 to 1e18, found a list"},
           Edit{"/errors", {{"a", 1}}, "/errors: expected a list, found an object"},
           Edit{"/errors/0/message", nullptr, "/errors/0/message: expected a text, found null"},
           Edit{"/environment/database/durability/fsync", true,
                "/environment/database/durability/fsync: expected a text, found true"},
           Edit{"/failure", {{"code", "x"}}, "/failure/class: is missing; expected a text"},
           Edit{"/series",
                {{"interval_s", 1}, {"samples", {{{"t_s", "\x1b[1m"}}}}},
                "/series/samples/0/t_s: expected a number from 0 to 1e18, found \"\\u001b[1m\""},
       }) {
    CAPTURE(edit.key);
    Json document = sound_result();
    document[Pointer(edit.key)] = edit.value;
    CHECK(refusal_of(document) == std::string("--baseline=run.json: ") + edit.told);
  }
}

TEST_CASE("result file: every key that is missing is told") {
  const Json sound = sound_result();
  for (const auto& item : sound.items()) {
    const std::string& key = item.key();
    CAPTURE(key);
    Json document = sound;
    document.erase(key);
    const std::string problem = refusal_of(document);
    CHECK((problem.empty() || problem.find("/" + key) != std::string::npos));
    CHECK((key == "counts" || key == "verdict" ? !problem.empty() : true));
  }
}

TEST_CASE("result file: neither long names nor control characters get into the message") {
  Json document = sound_result();
  document["environment"]["database"]["durability"][std::string(100'000, 'x') + "\n"] = 1;
  CHECK(refusal_of(document).size() < 300);
  document = sound_result();
  document["run_id"] = Json::array();
  document["environment"]["database"]["durability"]["a\nb\x1b"] = std::string(100'000, 'x');
  CHECK(refusal_of(document).size() < 300);
  document["run_id"] = "7";
  document["environment"]["database"]["durability"]["a\nb\x1b"] = 1;
  CHECK(refusal_of(document).find_first_of("\n\x1b") == std::string::npos);
}

TEST_CASE("result file: documents that would take too much are refused while they are read") {
  CHECK(refusal(std::string(10'000'000, '[')) ==
        "--baseline=run.json: its values are nested too deep");
  std::string values = "[";
  for (int i = 0; i < 5'000'000; ++i) values += "1,";
  CHECK(refusal(values) == "--baseline=run.json: it holds too many values");
  std::string keys = "{";
  for (int i = 0; i < 200'000; ++i) keys += "\"" + std::to_string(i) + "\":1,";
  CHECK(refusal(keys) == "--baseline=run.json: one of its objects has too many keys");
  // Many objects with a few keys are no such document.
  Json document = sound_result();
  for (int i = 0; i < 2'000; ++i) document["new"].push_back({{"a", 1}, {"b", 2}});
  CHECK(refusal_of(document) == "");
}

TEST_CASE("result file: a file that cannot be read is refused in one line") {
  const TempDir directory;
  CHECK(file_refusal(directory.file("none")) ==
        "report: " + directory.file("none") + ": cannot be read: No such file or directory");
  CHECK(file_refusal(directory.path().string()).ends_with(": cannot be read: it is a directory"));
  write_file(directory.file("empty"), "");
  CHECK(file_refusal(directory.file("empty")).ends_with(": cannot be read: it is empty"));
  // Without waiting for its other end.
  REQUIRE(mkfifo(directory.file("pipe").c_str(), 0600) == 0);
  CHECK(file_refusal(directory.file("pipe")).ends_with(": it is not a regular file"));
  CHECK(file_refusal("/dev/zero").ends_with(": it is not a regular file"));
  CHECK(file_refusal("none\n/a").find('\n') == std::string::npos);
}

TEST_CASE("result file: a file that is too large is refused") {
  const TempDir directory;
  write_file(directory.file("large"), "{");
  std::filesystem::resize_file(directory.file("large"), 65ULL << 20U);
  CHECK(file_refusal(directory.file("large")).ends_with(": it is larger than 64 MiB"));
}
