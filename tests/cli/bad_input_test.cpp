#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>

#include "cli/app.h"

namespace loadgen {
namespace {

struct Expectation {
  std::string flag;
  std::vector<std::string> allowed;  // what the line must say is allowed
};

// Neither numbers nor anything else an option takes.
const std::vector<std::string> kNeverAllowed{
    "",       "-1",      "nan",      "inf",   "1e999", "99999999999999999999999",
    "10x",    "ten",     " 10",      "10 ",   "1,000", "0x10",
    "--help", "\u0663",  "%s%n",     "$(id)", "+5",    "'; DROP TABLE messages;--",
    "5\n6",   "\x1b[2J", "\xff\xfe", "1.2.3"};

// Should the bad value be taken, the run at least is over soon.
const Arguments kBrief{"--rps=1000", "--count=1"};

std::string cleaned(const std::string& value) {
  // What stands on one line whatever the terminal: the longest run of printable characters.
  std::string longest;
  std::string current;
  for (const char c : value) {
    if (c < 0x20 || c > 0x7e) {
      current.clear();
    } else {
      current += c;
      if (current.size() > longest.size()) longest = current;
    }
  }
  return longest;
}

void check_rejected(const Expectation& expected, const std::string& value) {
  CAPTURE(expected.flag);
  CAPTURE(value);
  const TempDir directory;
  Arguments arguments = kBrief;
  arguments.push_back(expected.flag + "=" + value);
  const ProcessResult result = run_app(arguments, directory.path());
  const std::string line = check_refused(result, 2);
  CHECK(lines_of(result.err).size() == 1);
  CHECK(contains(line, expected.flag));
  CHECK(contains(line, cleaned(value)));
  for (const std::string& allowed : expected.allowed) CHECK(contains(line, allowed));
  CHECK(is_empty_directory(directory));
}

void check_all_rejected(const Expectation& expected, const std::vector<std::string>& more) {
  for (const std::string& value : kNeverAllowed) check_rejected(expected, value);
  for (const std::string& value : more) check_rejected(expected, value);
}

}  // namespace

TEST_CASE("bad input: --producers takes 1 to 1024") {
  check_all_rejected({"--producers", {"1", "1024"}}, {"0", "1025", "1.5", "4294967297"});
}

TEST_CASE("bad input: --consumers takes 1 to 1024") {
  check_all_rejected({"--consumers", {"1", "1024"}}, {"0", "1025", "2k", "1..4"});
}

TEST_CASE("bad input: --rps takes a rate above 0 or max") {
  check_all_rejected({"--rps", {"0", "500", "max"}},
                     {"0", "0.0", "MAX", "infinity", "2G", "500/s", "1e3x", "-0"});
}

TEST_CASE("bad input: --duration takes a duration") {
  check_all_rejected({"--duration", {"250ms", "1m30s"}},
                     {"-5s", "1s1m", "1m1m", "10 s", "s", "99999999d", "1:30", "-0"});
}

TEST_CASE("bad input: --count takes a positive whole number") {
  check_all_rejected({"--count", {"1", "10k"}}, {"0", "1.5", "-0", "18446744073709551616"});
}

TEST_CASE("bad input: --burst takes a positive whole number") {
  check_all_rejected({"--burst", {"1"}}, {"0", "1.5", "18446744073709551615"});
}

TEST_CASE("bad input: --max-lag takes a duration above 0") {
  check_all_rejected({"--max-lag", {"0", "250ms"}}, {"0", "0s", "-1ms"});
}

TEST_CASE("bad input: --message-size takes 1 to 256 bytes") {
  check_all_rejected({"--message-size", {"1", "256"}}, {"0", "257", "1KiB", "1.5", "-64"});
}

TEST_CASE("bad input: --seed takes 64 bits without a sign") {
  check_all_rejected({"--seed", {"0", "18446744073709551615"}}, {"18446744073709551616", "1.5"});
}

TEST_CASE("bad input: --queue-capacity takes a positive whole number") {
  check_all_rejected({"--queue-capacity", {"1"}}, {"0", "1.5", "99999999999"});
}

TEST_CASE("bad input: --batch-size takes 1 to 100000") {
  check_all_rejected({"--batch-size", {"1", "100000"}}, {"0", "100001", "1M"});
}

TEST_CASE("bad input: --linger and --drain-timeout take durations") {
  check_all_rejected({"--linger", {"5ms"}}, {"-5ms", "5 ms"});
  check_all_rejected({"--drain-timeout", {"20s"}}, {"-1s", "forever"});
}

TEST_CASE("bad input: options with named choices take no other word, and list them all") {
  const std::vector<Expectation> choices{
      {"--on-full", {"block", "drop-new", "drop-old", "abort", "spill"}},
      {"--insert", {"auto", "copy", "multi", "unnest", "single"}},
      {"--durability", {"full", "relaxed"}},
      {"--verify", {"off", "count", "full"}},
      {"--log-level", {"info", "warn", "error"}}};
  for (const Expectation& choice : choices) {
    for (const char* value : {"", "BLOCK", "AUTO", "full,off", "disk", "none ", "1", "a\nb"}) {
      check_rejected(choice, value);
    }
  }
}

TEST_CASE("bad input: --progress takes a duration that is no flood, or off") {
  check_all_rejected({"--progress", {"off"}}, {"0", "on", "1ns"});
}

TEST_CASE("bad input: --db takes an address of a known kind") {
  for (const char* value : {"", "messages.db", "mysql://host/db", "sqlite", "SQLITE:x.db", "null",
                            "http://example.com", "://", "a\nb"}) {
    check_rejected({"--db", {"sqlite:", "postgres://", "null:"}}, value);
  }
  for (const char* value : {"sqlite:", "sqlite::memory:", "sqlite://x.db"}) {
    check_rejected({"--db", {"sqlite:messages.db"}}, value);
  }
  for (const char* value : {"host=x nonsense=1", "host='x", "postgres://[::1/db"}) {
    check_rejected({"--db", {"postgres://"}}, value);
  }
}

TEST_CASE("bad input: --json takes a file that can be written, and leaves nothing otherwise") {
  check_rejected({"--json", {}}, "");
  check_rejected({"--json", {"No such file or directory"}}, "missing/result.json");
  check_rejected({"--json", {"directory"}}, ".");
}

TEST_CASE("bad input: --json into a directory that may not be written is refused") {
  using std::filesystem::perms;
  const TempDir directory;
  write_file(directory.file("result.json"), "old");
  std::filesystem::permissions(directory.path(), perms(0555));
  for (const std::string file : {"result.json", "new.json"}) {
    const auto result =
        run_app_unprivileged({"--db=null:", "--count=1", "--json=" + file}, directory);
    if (!result) break;
    CHECK(contains(check_refused(*result, 2), "--json=" + file));
  }
  std::filesystem::permissions(directory.path(), perms(0755));
  CHECK(read_file(directory.file("result.json")) == "old");
}

TEST_CASE("bad input: a file for letters that cannot be written is found before the run") {
  const TempDir directory;
  std::filesystem::create_directory(directory.file("folder"));
  write_file(directory.file("file"), "old");
  std::filesystem::create_symlink("file", directory.file("link"));
  REQUIRE(mkfifo(directory.file("pipe").c_str(), 0600) == 0);
  for (const std::string flag : {"--dead-letter=", "--unsent="}) {
    for (const std::string path : {"folder", "link", "pipe", "none/file", "file/file"}) {
      const ProcessResult result =
          run_app({"--db=sqlite:x.db", "--count=1", flag + path}, directory.path());
      CHECK(check_refused(result, 2).starts_with("app: " + flag + path + ": cannot be written: "));
    }
  }
  CHECK(!std::filesystem::exists(directory.file("x.db")));
  CHECK(read_file(directory.file("file")) == "old");
}

TEST_CASE("bad input: an unusable default file for dead letters is only a warning") {
  const std::string warning = "dead-letter.jsonl cannot be written (";
  const Arguments run{"--db=null:", "--count=1"};
  const TempDir directory;
  CHECK(!contains(run_app(run, directory.path()).err, warning));
  CHECK(is_empty_directory(directory));
  using std::filesystem::perms;
  std::filesystem::permissions(directory.path(), perms(0555));
  const auto result = run_app_unprivileged(run, directory);
  std::filesystem::permissions(directory.path(), perms(0755));
  if (result) {
    CHECK(result->exit_code == 0);
    CHECK(contains(result->err, warning + "Permission denied)"));
  }
  std::filesystem::create_directory(directory.file("dead-letter.jsonl"));
  const ProcessResult folder = run_app(run, directory.path());
  CHECK(folder.exit_code == 0);
  CHECK(contains(folder.err, warning + "Is a directory)"));
}

TEST_CASE("bad input: a value too long for the command's limits still gets one line") {
  const TempDir directory;
  const ProcessResult result =
      run_app({"--count=1", "--rps=" + std::string(100'000, '9')}, directory.path());
  check_refused(result, 2);
  CHECK(is_empty_directory(directory));
}

TEST_CASE("bad input: a value is wrong in the next argument, too") {
  const TempDir directory;
  for (const Arguments& arguments :
       {Arguments{"--rps", "-1"}, {"--rps", "bad"}, {"--producers", ""}, {"--duration", "-1s"}}) {
    Arguments all = kBrief;
    all.insert(all.end(), arguments.begin(), arguments.end());
    const std::string line = check_refused(run_app(all, directory.path()), 2);
    CHECK(contains(line, arguments[0]));
    CHECK(contains(line, arguments[1]));
  }
  CHECK(is_empty_directory(directory));
}

TEST_CASE("bad input: an option at the end without its value is refused") {
  const TempDir directory;
  for (const char* flag : {"--rps", "--db", "--json", "--table", "--seed"}) {
    CHECK(contains(check_refused(run_app({flag}, directory.path()), 2), flag));
  }
  CHECK(is_empty_directory(directory));
}

TEST_CASE("bad input: the last of several values counts, and each must be right") {
  Arguments arguments = kBrief;
  arguments.insert(arguments.end(), {"--db=null:", "--producers=9", "--producers=2", "--json=-"});
  const ProcessResult result = run_app(arguments);
  REQUIRE(result.exit_code == 0);
  CHECK(Json::parse(result.out).at("config").at("producers") == 2);
}

TEST_CASE("bad input: an unknown option is refused with the nearest name") {
  const TempDir directory;
  const std::vector<std::pair<std::string, std::string>> mistakes{{"--producer=5", "--producers"},
                                                                  {"--rsp=5", "--rps"},
                                                                  {"--batchsize=5", "--batch-size"},
                                                                  {"--consumer", "--consumers"},
                                                                  {"--durations=5", "--duration"},
                                                                  {"--Table=x", "--table"},
                                                                  {"--jsn", "--json"},
                                                                  {"--quite", "--quiet"}};
  for (const auto& pair : mistakes) {
    const std::string& mistake = pair.first;  // clang 14 captures no structured bindings
    const std::string& nearest = pair.second;
    CAPTURE(mistake);
    const std::string line = check_refused(run_app({mistake}, directory.path()), 2);
    CHECK(contains(line, mistake.substr(0, mistake.find('='))));
    CHECK(contains(line, nearest + "?"));
  }
  CHECK(is_empty_directory(directory));
}

TEST_CASE("bad input: unknown commands, stray words and single dashes are refused") {
  const TempDir directory;
  for (const Arguments& arguments : {Arguments{"walk"},
                                     {"run", "walk"},
                                     {"RUN"},
                                     {""},
                                     {"-"},
                                     {"-x"},
                                     {"-producers=5"},
                                     {"--producers=1", "extra"},
                                     {"--quiet=maybe"},
                                     {"---"},
                                     {"--="}}) {
    CAPTURE(arguments.back());
    check_refused(run_app(arguments, directory.path()), 2);
  }
  CHECK(is_empty_directory(directory));
}

TEST_CASE("bad input: a way of inserting the database does not have is refused") {
  const TempDir directory;
  const std::vector<std::pair<std::string, std::string>> pairs{
      {"sqlite:x.db", "copy"}, {"sqlite:x.db", "unnest"}, {"null:", "copy"}, {"null:", "single"}};
  for (const auto& [db, method] : pairs) {
    const ProcessResult result = run_app({"--db=" + db, "--insert=" + method}, directory.path());
    const std::string line = check_refused(result, 2);
    CHECK(contains(line, "--insert=" + method));
    CHECK(contains(line, db.substr(0, db.find(':'))));
    CHECK(contains(line, "auto"));
  }
  CHECK(is_empty_directory(directory));
}

TEST_CASE("bad input: limits on lateness are refused without a schedule to be late for") {
  const TempDir directory;
  for (const char* limit : {"--burst=10", "--max-lag=1s"}) {
    const std::string line = check_refused(run_app({limit, "--rps=max"}, directory.path()), 2);
    CHECK(contains(line, std::string(limit).substr(0, std::string(limit).find('='))));
    CHECK(contains(line, "--rps=max"));
  }
  CHECK(is_empty_directory(directory));
}

TEST_CASE("bad input: the environment's address is checked like the option's, which wins") {
  const TempDir directory;
  check_refused(run_app({}, directory.path(), {{"APP_DB", "mysql://host/db"}}), 2);
  CHECK(is_empty_directory(directory));
  const ProcessResult result =
      run_app({"--count=1", "--db=null:"}, directory.path(), {{"APP_DB", "bad"}});
  CHECK(result.exit_code == 0);
}

}  // namespace loadgen
