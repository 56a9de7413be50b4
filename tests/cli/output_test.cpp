#include <doctest/doctest.h>

#include <algorithm>
#include <regex>

#include "cli/app.h"
#include "cli/database.h"

namespace loadgen {
namespace {

// Twenty messages into a file of the directory the program is started in.
const Arguments kBrief{"--rps=max", "--count=20", "--db=sqlite:database.db"};

Arguments brief(const Arguments& more) {
  Arguments arguments = kBrief;
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// The run itself went as it should, whatever became of its output.
void check_complete(Database& database) {
  CHECK(database.number("SELECT count(*) FROM messages") == 20);
  CHECK(database.number("SELECT count(*) FROM loadgen_runs WHERE result IS NOT NULL") == 1);
}

bool is_json(const std::string& text) { return !Json::parse(text, nullptr, false).is_discarded(); }

}  // namespace

TEST_CASE("output: log lines come in order on stderr, with the time and its offset") {
  const TempDir directory;
  // Written so that it is understood without a time zone database.
  const ProcessResult result =
      run_app(brief({"--progress=off"}), directory.path(), {{"TZ", "IST-5:30"}});
  const std::vector<std::string> expected{"Starting application...", "Starting consumers...",
                                          "Starting producers...",
                                          "All producers finished, closing channel..."};
  const std::vector<std::string> lines = lines_of(result.err);
  REQUIRE(lines.size() == expected.size());
  const std::regex form(R"(\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30\] (.*))");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch line;
    REQUIRE_MESSAGE(std::regex_match(lines[i], line, form), lines[i]);
    CHECK(line[1] == expected[i]);
  }
}

TEST_CASE("output: the offset of log lines is that of the zone, west of Greenwich, too") {
  const TempDir directory;
  for (const auto& [zone, offset] :
       {std::pair<std::string, std::string>{"UTC0", "+00:00"}, {"NST3:30", "-03:30"}}) {
    const ProcessResult result = run_app(brief({}), directory.path(), {{"TZ", zone}});
    CHECK(contains(result.err, offset + "] Starting application..."));
  }
}

TEST_CASE("output: stdout holds the result and nothing else") {
  const TempDir directory;
  const ProcessResult result =
      run_app(brief({"--log-level=debug", "--progress=10ms"}), directory.path());
  const std::vector<std::string> lines = lines_of(result.out);
  REQUIRE(lines.size() > 2);
  CHECK(lines[0] == "Produced: 20 | Consumed: 20");
  CHECK(
      std::regex_match(lines[1], std::regex(R"(Time taken to consume all messages: \d+\.\d{3}s)")));
  CHECK(!contains(result.out, "Starting"));
  CHECK(!contains(result.out, "\x1b"));
  for (const char* word : {"response", "schedule lag", "queue wait", "batch wait", "write",
                           "scheduled", "skipped", "produced", "stored", "dead-lettered", "dropped",
                           "spooled", "unsent", "in doubt", "Audit", "Verdict", "seed", "p99.99"}) {
    CHECK_MESSAGE(contains(result.out, word), word);
  }
}

TEST_CASE("output: with --json=- stdout is one JSON document") {
  const TempDir directory;
  const ProcessResult result =
      run_app(brief({"--json=-", "--log-level=debug", "--progress=10ms"}), directory.path());
  CHECK(result.exit_code == 0);
  REQUIRE(is_json(result.out));  // fails on anything around it
  CHECK(Json::parse(result.out).at("counts").at("stored") == 20);
  CHECK(!std::filesystem::exists(directory.file("-")));
}

TEST_CASE("output: --quiet is silent, and so is a log level above what happens") {
  const TempDir directory;
  CHECK(run_app(brief({"--quiet"}), directory.path()).err.empty());
  CHECK(run_app(brief({"--log-level=warn", "--progress=off"}), directory.path()).err.empty());
  const ProcessResult failed = run_app({"--quiet", "--db=sqlite:missing/x.db"}, directory.path());
  CHECK(check_refused(failed, 1) + "\n" == failed.err);
}

TEST_CASE("output: --progress draws a line per interval, off none") {
  const auto progress_lines = [](const std::string& interval, const std::string& duration) {
    const ProcessResult result =
        run_app({"--db=null:", "--rps=100", "--duration=" + duration, "--progress=" + interval});
    CHECK(result.exit_code == 0);
    CHECK(!contains(result.err, "\r"));  // no terminal: nothing is redrawn
    const std::vector<std::string> lines = lines_of(result.err);
    const std::regex form(R"([\dm.]+s.*produced [\d,]+ .*stored [\d,]+ .*)");
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return std::regex_match(line, form); });
  };
  const auto lines = progress_lines("100ms", "1s");
  CHECK(lines >= 3);  // ten, were the machine ours
  CHECK(lines <= 11);
  CHECK(progress_lines("off", "200ms") == 0);
  CHECK(progress_lines("1m", "200ms") == 0);
}

TEST_CASE("output: a reader that goes away early does not end the run") {
  SqliteDatabase database;
  const ProcessResult head = run_app_in_shell("\"$@\" | head -n 1; exit ${PIPESTATUS[0]}", kBrief,
                                              database.directory().path());
  CHECK(head.exit_code == 0);
  CHECK(head.out == "Produced: 20 | Consumed: 20\n");
  check_complete(database);

  // Gone long before there is anything to read.
  SqliteDatabase other;
  const ProcessResult gone = run_app_in_shell("\"$@\" | true; exit ${PIPESTATUS[0]}",
                                              brief({"--rps=100"}), other.directory().path());
  CHECK(gone.exit_code == 0);
  check_complete(other);
}

TEST_CASE("output: a full disk under stdout is an error, after a complete run") {
  for (const Arguments& more : {Arguments{}, {"--json=-"}}) {
    SqliteDatabase database;
    const ProcessResult result =
        run_app_in_shell("\"$@\" --quiet > /dev/full", brief(more), database.directory().path());
    CHECK(contains(check_refused(result, 1), "No space left on device"));
    check_complete(database);
  }
}

TEST_CASE("output: nothing is ever written over the database") {
  SqliteDatabase database;
  for (const std::string flag : {"--json=", "--unsent=", "--dead-letter="}) {
    const ProcessResult result =
        run_app({"--count=1", "--db=" + database.address(), flag + database.path()});
    CHECK(contains(check_refused(result, 2), flag + database.path() + ": is the database"));
  }
  CHECK(run_app({"--count=1", "--db=sqlite:new.db", "--json=./new.db"}, database.directory().path())
            .exit_code == 2);
}

TEST_CASE("output: a full disk under the result file is an error that names the option") {
  SqliteDatabase database;
  // By descriptor: what would rename a file to this name cannot.
  const ProcessResult result = run_app_in_shell("\"$@\" 3>/dev/full", brief({"--json=/dev/fd/3"}),
                                                database.directory().path());
  CHECK(result.exit_code == 1);
  CHECK(result.out.starts_with("Produced: 20 | Consumed: 20\n"));
  CHECK(contains(result.err, "\napp: --json=/dev/fd/3: could not be written: No space left"));
  check_complete(database);
}

TEST_CASE("output: with stdout closed, or not for writing, nothing is started") {
  for (const std::string stream : {">&-", "1</dev/null", ">&- <&-"}) {
    for (const Arguments& more : {Arguments{}, {"--json=result.json"}, {"--json=-"}}) {
      CAPTURE(stream);
      const TempDir directory;
      const ProcessResult result =
          run_app_in_shell("\"$@\" " + stream, brief(more), directory.path());
      CHECK(check_refused(result, 1) ==
            "app: cannot write to standard output: it is closed, or open for reading only");
      CHECK(lines_of(result.err).size() == 1);
      CHECK(!std::filesystem::exists(directory.file("database.db")));
      const std::string file = directory.file("result.json");
      const bool wants_file = !more.empty() && more.front() == "--json=result.json";
      CHECK(std::filesystem::exists(file) == wants_file);
      if (wants_file) CHECK(Json::parse(read_file(file)).at("exit_code") == 1);
    }
  }
}

TEST_CASE("output: with stdout closed, replay and verify do nothing either") {
  SqliteDatabase database;
  CHECK(run_app(brief({}), database.directory().path()).exit_code == 0);
  for (const Arguments& command : {Arguments{"verify", "--db=sqlite:database.db"},
                                   {"replay", "x", "--db=sqlite:database.db"}}) {
    const ProcessResult result =
        run_app_in_shell("\"$@\" >&-", command, database.directory().path());
    CHECK(contains(check_refused(result, 1), "cannot write to standard output"));
  }
}

// A descriptor that is closed is the next one to be handed out, to a file or a connection: what is
// meant for the stream must not end up there.

TEST_CASE("output: with stderr closed or unread the log is not written into another file") {
  for (const std::string stream : {"2>&-", "2>&- <&-", "2> >(:)"}) {
    CAPTURE(stream);
    SqliteDatabase database;
    const ProcessResult result =
        run_app_in_shell("\"$@\" " + stream, brief({"--json=result.json", "--progress=10ms"}),
                         database.directory().path());
    CHECK(result.exit_code == 0);
    CHECK(result.out.starts_with("Produced: 20 | Consumed: 20\n"));
    check_complete(database);
    CHECK(is_json(read_file(database.directory().file("result.json"))));
  }
}

TEST_CASE("output on Postgres: a closed stream does not become a connection") {
  for (const std::string stream : {"2>&-", "<&- 2>&-", ">&-", "<&- >&- 2>&-"}) {
    const auto database = postgres_database();
    if (!database) return;
    CAPTURE(stream);
    const bool has_stdout = !contains(stream, " >&-") && !stream.starts_with(">&-");
    const ProcessResult result = run_app_in_shell(
        "\"$@\" " + stream,
        {"--rps=200", "--count=20", "--progress=10ms", "--db=" + database->address()}, "");
    CHECK(result.exit_code == (has_stdout ? 0 : 1));
    CHECK(result.out.starts_with(has_stdout ? "Produced: 20 | Consumed: 20\n" : ""));
    if (has_stdout) check_complete(*database);
  }
}

TEST_CASE("output: the result may go to a pipe") {
  const TempDir directory;
  const ProcessResult result = run_app_in_shell("\"$@\" --json=>(cat > copy.json); wait $!",
                                                brief({"--quiet"}), directory.path());
  CHECK(result.exit_code == 0);
  REQUIRE(is_json(read_file(directory.file("copy.json"))));
  CHECK(Json::parse(read_file(directory.file("copy.json"))).at("counts").at("stored") == 20);
}

TEST_CASE("output: a full stderr that nobody reads delays neither the run nor its report") {
  SqliteDatabase database;
  const std::string script =
      "rm -f pipe; mkfifo pipe; exec 3<>pipe; head -c 65536 /dev/zero >&3; "
      "timeout -s KILL 20 \"$@\" 2>pipe";
  const ProcessResult result =
      run_app_in_shell(script, brief({"--progress=10ms"}), database.directory().path());
  CHECK(result.exit_code == 0);
  CHECK(result.out.starts_with("Produced: 20 | Consumed: 20\n"));
  check_complete(database);
  // Why it cannot start is worth a wait, but not for ever.
  const ProcessResult refused =
      run_app_in_shell(script, brief({"--rps=0"}), database.directory().path());
  CHECK(refused.exit_code == 2);
}

TEST_CASE("output: log lines that found no room on stderr are counted, and the count is told") {
  const TempDir directory;
  const ProcessResult result = run_app_in_shell(
      "mkfifo pipe; exec 3<>pipe; head -c 65536 /dev/zero >&3; "
      "\"$@\" 2>pipe & app=$!; (sleep 20; kill -KILL $app 2>/dev/null) & "
      "until [ -s database.db ]; do sleep 0.05; done; sleep 0.5; "
      "head -c 65536 <&3 >/dev/null; kill -TERM $app; wait $app; code=$?; "
      "timeout 1 cat <&3 >&2; exit $code",
      {"--db=sqlite:database.db", "--duration=0", "--progress=off"}, directory.path());
  CHECK(result.exit_code == 0);
  CHECK(contains(result.err, "Log lines that were dropped because nobody read stderr: 3\n"));
  CHECK(contains(result.err, "All producers finished, closing channel..."));
}

}  // namespace loadgen
