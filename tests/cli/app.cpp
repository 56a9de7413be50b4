#include "cli/app.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <regex>
#include <sstream>

namespace loadgen {

Arguments app_command(const Arguments& arguments) {
  Arguments command{LOADGEN_APP};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

Variables app_variables(Variables more) {
  more.insert({"APP_DB", ""});
  return more;
}

ProcessResult run_app(const Arguments& arguments, const std::string& directory,
                      Variables variables) {
  return run_process(app_command(arguments), app_variables(std::move(variables)), directory);
}

ProcessResult run_app_in_shell(const std::string& script, const Arguments& arguments,
                               const std::string& directory) {
  Arguments command{"bash", "-c", script, "bash"};
  for (const std::string& word : app_command(arguments)) command.push_back(word);
  return run_process(command, app_variables(), directory);
}

std::optional<ProcessResult> run_app_unprivileged(const Arguments& arguments,
                                                  const TempDir& directory) {
  if (geteuid() != 0) return run_app(arguments, directory.path());
  // Nobody may not be let into the directory the program was built in.
  const TempDir own;
  std::filesystem::permissions(own.path(), std::filesystem::perms(0755));
  std::filesystem::copy_file(LOADGEN_APP, own.file("app"));
  Arguments command{"setpriv", "--reuid=65534", "--clear-groups", own.file("app")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const ProcessResult result = run_process(command, app_variables(), directory.path());
  if (result.exit_code != 126 && result.exit_code != 127) return result;
  MESSAGE("SKIPPED: cannot become another user here: " << result.err);
  return std::nullopt;
}

namespace {

Arguments with_json_file(Arguments arguments) {
  arguments.emplace_back("--json=result.json");
  return arguments;
}

}  // namespace

AppRun::AppRun(const Arguments& arguments, Variables variables)
    : process_(app_command(with_json_file(arguments)), app_variables(std::move(variables)),
               directory_.path()) {}

Finished AppRun::finish() {
  Finished finished;
  finished.process = process_.wait();
  finished.json = Json::parse(read_file(file("result.json")), nullptr, false);
  return finished;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool is_empty_directory(const TempDir& directory) {
  return std::filesystem::is_empty(directory.path());
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string check_refused(const ProcessResult& result, int exit_code) {
  static const std::regex log_line(R"(\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\] .*)");
  CAPTURE(result.err);
  CHECK(result.exit_code == exit_code);
  CHECK(result.out.empty());
  CHECK(result.elapsed.count() < kSoon_s);
  CHECK(result.err.ends_with('\n'));
  const std::vector<std::string> lines = lines_of(result.err);
  REQUIRE(!lines.empty());
  CHECK(lines.back().starts_with("app: "));
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) CHECK(std::regex_match(lines[i], log_line));
  const bool printable = std::none_of(lines.back().begin(), lines.back().end(),
                                      [](unsigned char c) { return c < 0x20; });
  CHECK(printable);
  return lines.back();
}

void check_accounts(const Finished& run) {
  INFO("stdout: " << run.process.out << "\nstderr: " << run.process.err);
  REQUIRE(!run.json.is_discarded());
  const auto count = [&](const char* name) {
    return run.json.at("counts").at(name).get<std::uint64_t>();
  };
  CHECK(count("scheduled") == count("produced") + count("skipped"));
  CHECK(count("produced") == count("stored") + count("dead_lettered") + count("dropped") +
                                 count("spooled") + count("unsent") + count("in_doubt"));
  const Json& warmup = run.json.at("warmup");
  const std::uint64_t warmed_up =
      warmup.is_null() ? 0 : warmup.at("counts").at("stored").get<std::uint64_t>();
  CHECK(run.json.at("latency_us").at("response").at("count") == count("stored") - warmed_up);
  CHECK(run.json.at("exit_code") == run.process.exit_code);

  const std::vector<std::string> lines = lines_of(run.process.out);
  REQUIRE(lines.size() > 2);
  CHECK(lines[0] == "Produced: " + std::to_string(count("produced")) +
                        " | Consumed: " + std::to_string(count("stored")));
  std::smatch seconds;
  REQUIRE(std::regex_match(lines[1], seconds,
                           std::regex(R"(Time taken to consume all messages: (\d+\.\d{3})s)")));
  const double total_s = run.json.at("time_s").at("total").get<double>();
  CHECK(std::abs(std::stod(seconds[1]) - total_s) < 0.001);
  CHECK(contains(run.process.out, run.json.at("verdict").get<std::string>()));
}

void check_all_stored(const Finished& run, std::uint64_t messages) {
  INFO("stderr: " << run.process.err);
  CHECK(run.process.exit_code == 0);
  check_accounts(run);
  CHECK(run.json.at("counts").at("scheduled") == messages);
  CHECK(run.json.at("counts").at("produced") == messages);
  CHECK(run.json.at("counts").at("stored") == messages);
  CHECK(run.json.at("audit").at("passed") == true);
  CHECK(run.json.at("errors").empty());
}

}  // namespace loadgen
