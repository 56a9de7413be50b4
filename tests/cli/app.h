// The program under test, run as users run it, and what every test asks of its answers.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace loadgen {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;  // of the environment; empty = removed

// The program's argv, and the environment it is tested in: ours, without APP_DB.
Arguments app_command(const Arguments& arguments);
Variables app_variables(Variables more = {});

// Start and wait, in `directory` when not empty.
ProcessResult run_app(const Arguments& arguments, const std::string& directory = "",
                      Variables variables = {});

// Under bash, with the program and its arguments as "$@": for redirections and pipes.
ProcessResult run_app_in_shell(const std::string& script, const Arguments& arguments,
                               const std::string& directory);

// As somebody whom file permissions do stop: when we are root, as nobody. Null, and said so, where
// that cannot be.
std::optional<ProcessResult> run_app_unprivileged(const Arguments& arguments,
                                                  const TempDir& directory);

// A moment on a quiet machine; on a busy one still less than any time the program waits for
// anything.
inline constexpr double kSoon_s = 8;

struct Finished {
  ProcessResult process;
  Json json;  // of --json; discarded when there is none
};

// A run in a directory of its own, with its result in a file beside its output.
class AppRun {
 public:
  explicit AppRun(const Arguments& arguments, Variables variables = {});

  [[nodiscard]] Process& process() { return process_; }
  [[nodiscard]] std::string file(const std::string& name) const { return directory_.file(name); }
  Finished finish();

 private:
  TempDir directory_;
  Process process_;
};

std::vector<std::string> lines_of(const std::string& text);
bool is_empty_directory(const TempDir& directory);
bool contains(const std::string& text, const std::string& part);

// The program refused: this exit code, nothing on stdout, soon, and one line "app: ..." that ends
// stderr; before it at most log lines. Returns that line.
std::string check_refused(const ProcessResult& result, int exit_code);

// Every message has one final state, and the text result says the same as the JSON result.
void check_accounts(const Finished& run);

// A run that was asked for `messages` and stored all of them.
void check_all_stored(const Finished& run, std::uint64_t messages);

}  // namespace loadgen
