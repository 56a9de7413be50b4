#include <doctest/doctest.h>

#include "cli/app.h"

namespace loadgen {
namespace {

const Arguments kBrief{"--rps=max", "--count=20", "--db=sqlite:database.db", "--quiet"};

Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

const Arguments kAllFormats{"--json=result.json", "--html=result.html", "--markdown=result.md",
                            "--junit=result.xml"};

std::vector<std::string> names_in(const TempDir& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

}  // namespace

TEST_CASE("report: a result file gives the same documents as the run itself") {
  const TempDir directory;
  const ProcessResult ran = run_app(with(kBrief, kAllFormats), directory.path());
  CHECK(ran.exit_code == 0);
  CHECK(ran.out.starts_with("Produced: 20 | Consumed: 20\n"));
  const std::string markdown = read_file(directory.file("result.md"));
  const std::string junit = read_file(directory.file("result.xml"));
  CHECK(markdown.starts_with("## ✅ Load test: all well\n"));
  CHECK(contains(junit, "tests=\"3\" failures=\"0\" errors=\"0\""));

  const ProcessResult again = run_app(
      {"report", "result.json", "--markdown=again.md", "--junit", "again.xml", "--html=again.html"},
      directory.path());
  CHECK(again.exit_code == 0);
  CHECK(again.out.empty());
  CHECK(again.err.empty());
  CHECK(read_file(directory.file("again.md")) == markdown);
  CHECK(read_file(directory.file("again.xml")) == junit);
  const std::string page = read_file(directory.file("result.html"));
  CHECK(page.starts_with("<!doctype html>"));
  CHECK(read_file(directory.file("again.html")) == page);
  CHECK(run_app({"report", "result.json"}, directory.path()).out == markdown);
  CHECK(run_app({"report", "result.json", "--junit=-"}, directory.path()).out == junit);
}

TEST_CASE("report: with --markdown=- a run prints that instead of its text") {
  const TempDir directory;
  const ProcessResult result =
      run_app(with(kBrief, {"--markdown=-", "--junit=result.xml"}), directory.path());
  CHECK(result.exit_code == 0);
  CHECK(result.out.starts_with("## "));
  CHECK(result.out.ends_with("</details>\n"));
  CHECK(std::filesystem::exists(directory.file("result.xml")));
}

TEST_CASE("report: a run that could not start writes every format, and report shows it") {
  const TempDir directory;
  const Arguments arguments =
      with({"--quiet", "--db=sqlite:missing/x.db", "--count=1"}, kAllFormats);
  check_refused(run_app(arguments, directory.path()), 1);
  const std::string markdown = read_file(directory.file("result.md"));
  CHECK(contains(markdown, "## ❌ Load test: failed\n"));
  CHECK(contains(markdown, "The run could not start: "));
  CHECK(contains(read_file(directory.file("result.xml")), "<error "));
  CHECK(contains(read_file(directory.file("result.html")), "The run could not start: "));
  // The exit code tells whether it was rendered, not what became of the run.
  const ProcessResult again = run_app({"report", "result.json"}, directory.path());
  CHECK(again.exit_code == 0);
  CHECK(again.out == markdown);
}

TEST_CASE("report: destinations are checked before anything starts") {
  const TempDir directory;
  write_file(directory.file("old"), "old");
  struct Refused {
    Arguments arguments;
    std::string told;
  };
  for (const Refused& refused :
       {Refused{{"--markdown=."}, "--markdown=.: cannot be written: it is a directory"},
        Refused{{"--junit=missing/x"}, "--junit=missing/x: cannot be written"},
        Refused{{"--junit="}, "--junit=: expected a file name"},
        Refused{{"--json=old", "--markdown=./old"},
                "--markdown=./old: is the database, or another"},
        Refused{{"--markdown=old", "--junit=old"}, "--junit=old: is the database, or another"},
        Refused{{"--markdown=database.db"}, "--markdown=database.db: is the database"},
        Refused{{"--json=-", "--markdown=-"},
                "--markdown=-: --json goes to standard output already; name a file"},
        Refused{{"--markdown=/dev/stdout", "--junit=-"},
                "--junit=-: --markdown goes to standard output already; name a file"}}) {
    CAPTURE(refused.told);
    const std::string line =
        check_refused(run_app(with(kBrief, refused.arguments), directory.path()), 2);
    CHECK(line.starts_with("app: " + refused.told));
  }
  CHECK(names_in(directory) == std::vector<std::string>{"old"});
  CHECK(read_file(directory.file("old")) == "old");
}

TEST_CASE("report: a file that is no result is refused, and nothing is written") {
  const TempDir directory;
  write_file(directory.file("text"), "Produced: 5\n");
  write_file(directory.file("other.json"), "{\"schema_version\": 2}");
  struct Refused {
    std::string file;
    std::string told;
  };
  for (const Refused& refused :
       {Refused{"text", "report: text:1: not JSON"},
        Refused{"other.json", "report: other.json: /schema_version: expected 1, found 2"},
        Refused{"none", "report: none: cannot be read: No such file or directory"},
        Refused{".", "report: .: cannot be read: it is a directory"},
        Refused{"-", "report: -: cannot be read: No such file or directory"}}) {
    CAPTURE(refused.file);
    const ProcessResult result =
        run_app({"report", refused.file, "--markdown=out.md"}, directory.path());
    CHECK(check_refused(result, 2) == "app: " + refused.told);
  }
  CHECK(!std::filesystem::exists(directory.file("out.md")));
  CHECK(check_refused(run_app({"report"}), 2) ==
        "app: report: expected one result file, and 0 were given (app report --help)");
  CHECK(check_refused(run_app({"report", "a", "b"}), 2) ==
        "app: report: expected one result file, and 2 were given (app report --help)");
  CHECK(contains(check_refused(run_app({"report", "a", "--rps=5"}), 2), "--rps: unknown option"));
}

TEST_CASE("report: the result file is not overwritten by what is made from it") {
  const TempDir directory;
  run_app(with(kBrief, {"--json=result.json"}), directory.path());
  const std::string before = read_file(directory.file("result.json"));
  const ProcessResult result =
      run_app({"report", "result.json", "--markdown=./result.json"}, directory.path());
  CHECK(contains(check_refused(result, 2), "--markdown=./result.json: is "));
  CHECK(read_file(directory.file("result.json")) == before);
}

#ifndef LOADGEN_SANITIZED  // a sanitizer's own runtime does not begin under such a limit
TEST_CASE("report: what can be written is, though a file cannot") {
  const TempDir directory;
  const ProcessResult result = run_app_in_shell(
      // Only the program meets the limit: here its output may go to files.
      "( (ulimit -f 0; exec \"$@\") 2>&1 >&3 | cat >&2; exit ${PIPESTATUS[0]} ) 3>&1 | cat; "
      "exit ${PIPESTATUS[0]}",
      {"--rps=max", "--count=20", "--db=null:", "--quiet", "--json=result.json",
       "--markdown=result.md"},
      directory.path());
  CHECK(result.exit_code == 1);
  CHECK(result.out.starts_with("Produced: 20 | Consumed: 20\n"));
  CHECK(contains(result.err, "--json=result.json: could not be written"));
  CHECK(contains(result.err, "; --markdown=result.md: could not be written"));
  CHECK(is_empty_directory(directory));
}
#endif

}  // namespace loadgen
