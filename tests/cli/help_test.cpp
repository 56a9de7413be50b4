#include <doctest/doctest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "cli/app.h"

namespace loadgen {
namespace {

// What users may rely on; more may come.
struct PromisedOption {
  std::string name;
  std::string default_value;  // "" = the option has none
};
const std::vector<PromisedOption> kOptions{{"--producers", "10"},
                                           {"--consumers", "5"},
                                           {"--rps", "500"},
                                           {"--duration", "10"},
                                           {"--count", ""},
                                           {"--burst", "unlimited"},
                                           {"--message-size", "64"},
                                           {"--seed", "random"},
                                           {"--queue-capacity", "10000"},
                                           {"--on-full", "block"},
                                           {"--spool", ""},
                                           {"--unsent", ""},
                                           {"--max-lag", ""},
                                           {"--batch-size", "500"},
                                           {"--linger", "5ms"},
                                           {"--db", "sqlite:messages.db"},
                                           {"--table", "messages"},
                                           {"--insert", "auto"},
                                           {"--durability", "full"},
                                           {"--drain-timeout", "20s"},
                                           {"--verify", "count"},
                                           {"--json", ""},
                                           {"--progress", "1s"},
                                           {"--quiet", ""},
                                           {"--log-level", "info"},
                                           {"--help", ""},
                                           {"--version", ""}};

std::string help() { return run_app({"--help"}).out; }

// The lines that describe an option: its own and what is continued below.
std::string entry_of(const std::string& option, const std::string& text) {
  std::string entry;
  for (const std::string& line : lines_of(text)) {
    const bool own = std::regex_search(line, std::regex("^ .*" + option + "( |$)"));
    if (own || (!entry.empty() && line.starts_with("        "))) {
      entry += line + "\n";
    } else if (!entry.empty()) {
      break;
    }
  }
  return entry;
}

// Characters, not bytes.
std::size_t width_of(const std::string& line) {
  std::size_t width = 0;
  for (const char c : line) width += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1U : 0U;
  return width;
}

std::set<std::string> options_in(const std::string& text) {
  static const std::regex option("(^|[^-a-z])(--[a-z][-a-z]*)");
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), option), end; at != end; ++at) {
    found.insert((*at)[2]);
  }
  found.erase("--option");  // stands for any, in "--option=value"
  return found;
}

// Those that have a line of their own, not those a text speaks of.
std::set<std::string> described_in(const std::string& text) {
  std::string lines;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("  -")) lines += line.substr(0, 28) + "\n";
  }
  return options_in(lines);
}

// Every option of --help stands in the file; a file that is not there promises nothing.
void check_names_all_options(const std::string& file) {
  const std::string path = std::string(LOADGEN_SOURCE_DIR) + "/" + file;
  if (!std::filesystem::exists(path)) {
    MESSAGE("SKIPPED: there is no " << file);
    return;
  }
  // troff writes a hyphen that is a minus as \-.
  const std::string text = std::regex_replace(read_file(path), std::regex(R"(\\-)"), "-");
  for (const std::string& option : options_in(help())) {
    CAPTURE(option);
    const bool named = std::regex_search(text, std::regex(option + "([^-a-z]|$)"));
    CHECK_MESSAGE(named, file << " does not know " << option);
  }
}

}  // namespace

TEST_CASE("help: --help and -h print the same text on stdout and succeed, wherever they stand") {
  const TempDir directory;
  const ProcessResult first = run_app({"--help"}, directory.path());
  CHECK(first.exit_code == 0);
  CHECK(first.err.empty());
  CHECK(contains(first.out, "app [run] [options]"));
  for (const Arguments& arguments : {Arguments{"-h"},
                                     {"run", "--help"},
                                     {"--producers=3", "--help"},
                                     {"--help", "--rps", "5"}}) {
    const ProcessResult again = run_app(arguments, directory.path());
    CHECK(again.exit_code == 0);
    CHECK(again.out == first.out);
  }
  CHECK(is_empty_directory(directory));
}

TEST_CASE("help: --version prints one line with the version on stdout and succeeds") {
  for (const Arguments& arguments : {Arguments{"--version"}, {"run", "--version"}}) {
    const ProcessResult result = run_app(arguments);
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    CHECK(std::regex_match(result.out, std::regex("app \\d+\\.\\d+\\.\\d+.*\n")));
  }
}

TEST_CASE("help: fits 100 columns and says usage once") {
  const std::string text = help();
  for (const std::string& line : lines_of(text)) {
    CHECK_MESSAGE(width_of(line) <= 100, line);
    CHECK_MESSAGE(!contains(line, "\t"), line);
  }
  const std::size_t usage = text.find("Usage");
  REQUIRE(usage != std::string::npos);
  CHECK(text.find("Usage", usage + 1) == std::string::npos);
}

TEST_CASE("help: lists every option with its default") {
  const std::string text = help();
  for (const auto& option : kOptions) {
    const std::string& name = option.name;  // clang 14 captures no structured bindings
    const std::string& default_value = option.default_value;
    CAPTURE(name);
    const std::string entry = entry_of(name, text);
    CHECK(!entry.empty());
    CHECK(contains(entry, default_value));
  }
}

TEST_CASE("help: the exit codes and the environment variable are explained") {
  const std::string text = help();
  for (const char* word : {"APP_DB", "130", "143", "Exit codes"}) CHECK(contains(text, word));
}

TEST_CASE("help: every option it lists is accepted") {
  for (const std::string& option : options_in(help())) {
    CAPTURE(option);
    // At the end, without a value: what needs one says so, the others run.
    const ProcessResult result = run_app({"--db=null:", "--rps=1000", "--count=1", option});
    CHECK(!contains(result.err, "unknown"));
    CHECK((result.exit_code == 0 || contains(result.err, option)));
  }
}

TEST_CASE("help: the manual page names every option") { check_names_all_options("docs/app.1"); }

TEST_CASE("help: the completions for bash offer each command its own options, and all of them") {
  for (const Arguments& command : {Arguments{}, {"replay"}, {"verify"}}) {
    Arguments asked = command;
    asked.emplace_back("--help");
    const auto options = described_in(run_app(asked).out);
    REQUIRE(options.size() > 5);
    const std::string words = command.empty() ? "run" : command.front();
    const ProcessResult offered = run_app_in_shell(
        "source " LOADGEN_SOURCE_DIR "/completions/app.bash; COMP_WORDS=(app " + words +
            " --); COMP_CWORD=2; _loadgen_app; printf '%s\n' \"${COMPREPLY[@]}\"",
        {}, "");
    CAPTURE(words);
    const auto lines = lines_of(offered.out);
    CHECK(std::set<std::string>(lines.begin(), lines.end()) == options);
  }
}

TEST_CASE("help: the completions for zsh name every option") {
  check_names_all_options("completions/_app");
}

TEST_CASE("help: a full disk under --help is an error") {
  const ProcessResult result = run_app_in_shell("\"$@\" > /dev/full", {"--help"}, "");
  check_refused(result, 1);
}

}  // namespace loadgen
