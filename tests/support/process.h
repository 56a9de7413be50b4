// Runs programs as a shell would: arguments, environment, signals, exit code, output.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace loadgen {

struct ProcessResult {
  int exit_code = -1;  // 128 + signal when killed by one
  std::string out;
  std::string err;
  std::chrono::duration<double> elapsed{0};
};

class Process {
 public:
  // No program of a test takes this long: one that hangs is killed, and shows as exit code 137.
  static constexpr std::chrono::seconds kLongest{60};

  // Starts at once, in `directory` when not empty. `environment` is added to ours; an empty value
  // removes the variable.
  explicit Process(std::vector<std::string> arguments,
                   std::map<std::string, std::string> environment = {}, std::string directory = "");
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  // kills it when it still runs

  void send(int signal) const;
  [[nodiscard]] pid_t id() const { return pid_; }
  // What it wrote to stderr until now.
  [[nodiscard]] std::string err_so_far() const;
  // Returns once stderr contains the text, or false when the process ended without it.
  [[nodiscard]] bool await_err(const std::string& text);
  ProcessResult wait();

 private:
  [[nodiscard]] bool ended();

  TempDir files_;
  std::chrono::steady_clock::time_point start_;
  pid_t pid_ = -1;
  int status_ = 0;
  bool reaped_ = false;
};

// Start and wait.
ProcessResult run_process(std::vector<std::string> arguments,
                          std::map<std::string, std::string> environment = {},
                          std::string directory = "");

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& content);

}  // namespace loadgen
