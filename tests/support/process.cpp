#include "support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace loadgen {

Process::Process(std::vector<std::string> arguments, std::map<std::string, std::string> environment,
                 std::string directory)
    : start_(std::chrono::steady_clock::now()) {
  const std::string out = files_.file("out");
  const std::string err = files_.file("err");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  for (const auto& [name, value] : environment) {
    value.empty() ? unsetenv(name.c_str()) : setenv(name.c_str(), value.c_str(), 1);
  }
  const auto redirect = [](int descriptor, const std::string& path) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    dup2(file, descriptor);
    close(file);
  };
  redirect(STDOUT_FILENO, out);
  redirect(STDERR_FILENO, err);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  if (!directory.empty() && chdir(directory.c_str()) != 0) _exit(126);
  execvp(argv[0], argv.data());
  _exit(127);
}

Process::~Process() {
  if (reaped_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Process::send(int signal) const { kill(pid_, signal); }

std::string Process::err_so_far() const { return read_file(files_.file("err")); }

bool Process::ended() {
  if (!reaped_) reaped_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  if (!reaped_ && std::chrono::steady_clock::now() - start_ > kLongest) send(SIGKILL);
  return reaped_;
}

bool Process::await_err(const std::string& text) {
  for (;;) {
    const bool over = ended();
    if (err_so_far().find(text) != std::string::npos) return true;
    if (over) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

ProcessResult Process::wait() {
  while (!ended()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  ProcessResult result;
  result.elapsed = std::chrono::steady_clock::now() - start_;
  result.exit_code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  result.out = read_file(files_.file("out"));
  result.err = read_file(files_.file("err"));
  return result;
}

ProcessResult run_process(std::vector<std::string> arguments,
                          std::map<std::string, std::string> environment, std::string directory) {
  return Process(std::move(arguments), std::move(environment), std::move(directory)).wait();
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace loadgen
