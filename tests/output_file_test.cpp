#include "report/output_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace loadgen;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

using Names = std::vector<std::string>;

template <typename Error>
std::string error_of(const std::function<void()>& action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// What the user is told before the run and after it; empty when all is well.
std::string refusal(const std::string& path) {
  return error_of<UsageError>([&] { check_writable("--json", path); });
}
std::string failure(const std::string& path, const std::string& content) {
  return error_of<SetupError>([&] { write_file("--json", path, content); });
}

// A signal that is ignored for the length of a test.
class Ignored {
 public:
  explicit Ignored(int number) : number_(number), before_(signal(number, SIG_IGN)) {}
  Ignored(const Ignored&) = delete;
  Ignored& operator=(const Ignored&) = delete;
  ~Ignored() { signal(number_, before_); }

 private:
  int number_;
  void (*before_)(int);
};

// Standard output is something else while it lives; check nothing meanwhile, doctest writes there.
class StdoutTo {
 public:
  explicit StdoutTo(int descriptor) { dup2(descriptor, STDOUT_FILENO); }
  StdoutTo(const StdoutTo&) = delete;
  StdoutTo& operator=(const StdoutTo&) = delete;
  ~StdoutTo() {
    dup2(before_, STDOUT_FILENO);
    close(before_);
  }

 private:
  int before_ = dup(STDOUT_FILENO);
};

// No file may grow beyond this while it lives: a disk that is full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  Ignored signal_{SIGXFSZ};
  rlimit before_{};
};

}  // namespace

TEST_CASE("output file: the whole content is in its place and nothing beside it") {
  const TempDir directory;
  const std::string path = directory.file("result.json");
  CHECK(refusal(path) == "");
  write_file("--json", path, "content\n");
  CHECK(read_file(path) == "content\n");
  CHECK(names_in(directory.path()) == Names{"result.json"});
}

TEST_CASE("output file: large and empty content") {
  const TempDir directory;
  const std::string large(3'000'000, 'x');
  write_file("--json", directory.file("large"), large);
  CHECK(read_file(directory.file("large")) == large);
  write_file("--json", directory.file("empty"), "");
  CHECK(fs::file_size(directory.file("empty")) == 0);
}

TEST_CASE("output file: the check creates nothing and changes nothing") {
  const TempDir directory;
  const std::string path = directory.file("result.json");
  CHECK(refusal(path) == "");
  CHECK(names_in(directory.path()).empty());
  write_file(path, "old");
  CHECK(refusal(path) == "");
  CHECK(read_file(path) == "old");
  CHECK(names_in(directory.path()) == Names{"result.json"});
}

TEST_CASE("output file: what was there is replaced as a whole") {
  const TempDir directory;
  const std::string path = directory.file("result.json");
  write_file(path, "old, and longer than the new one");
  write_file("--json", path, "new");
  CHECK(read_file(path) == "new");
  CHECK(names_in(directory.path()) == Names{"result.json"});
}

TEST_CASE("output file: who reads what was there reads it to its end") {
  const TempDir directory;
  const std::string path = directory.file("result.json");
  write_file(path, "old");
  const int reader = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(reader >= 0);
  write_file("--json", path, "new");
  char buffer[8] = {};
  CHECK(read(reader, buffer, sizeof buffer) == 3);
  CHECK(std::string(buffer) == "old");
  close(reader);
}

TEST_CASE("output file: a relative path is meant from the current directory") {
  const TempDir directory;
  const fs::path before = fs::current_path();
  fs::current_path(directory.path());
  const std::string refused = refusal("result.json");
  write_file("--json", "result.json", "x");
  fs::current_path(before);
  CHECK(refused == "");
  CHECK(read_file(directory.file("result.json")) == "x");
}

TEST_CASE("output file: the umask says who may read it") {
  const TempDir directory;
  const mode_t before = umask(027);
  write_file("--json", directory.file("result.json"), "x");
  umask(before);
  struct stat status {};
  REQUIRE(stat(directory.file("result.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0640U);
}

TEST_CASE("output file: what cannot be written is refused before the run, in one line") {
  const TempDir directory;
  write_file(directory.file("plain"), "x");
  write_file(directory.file("program"), "x");
  fs::permissions(directory.file("program"), fs::perms::owner_all);
  const Names before = names_in(directory.path());
  for (const std::string& path :
       {directory.path().string(), directory.path().string() + "/", std::string("/"),
        std::string("."), directory.file("missing/result.json"),
        directory.file("plain/result.json"), directory.file("program/result.json"),
        directory.file("new/"), std::string(300, 'x')}) {
    CAPTURE(path);
    const std::string error = refusal(path);
    CHECK(error.starts_with("--json=" + path + ": "));
    CHECK(error.find('\n') == std::string::npos);
  }
  CHECK(refusal(directory.path().string()).find("directory") != std::string::npos);
  CHECK(names_in(directory.path()) == before);
  CHECK(error_of<UsageError>([] { check_writable("--html", "/"); }).starts_with("--html=/: "));
}

TEST_CASE("output file: a path with line breaks is refused in one line") {
  const std::string error = refusal("/missing\n/a\x1b[31m");
  CHECK_FALSE(error.empty());
  CHECK(error.find_first_of("\n\x1b") == std::string::npos);
}

TEST_CASE("output file: a directory without permission is refused") {
  if (geteuid() == 0) {
    MESSAGE("SKIPPED: root may write anywhere");
    return;
  }
  const TempDir directory;
  fs::permissions(directory.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const std::string error = refusal(directory.file("result.json"));
  fs::permissions(directory.path(), fs::perms::owner_all);
  CHECK(error.starts_with("--json="));
}

TEST_CASE("output file: a directory that is gone after the run is reported") {
  const TempDir directory;
  const std::string error = failure(directory.file("gone/result.json"), "x");
  CHECK(error.starts_with("--json=" + directory.file("gone/result.json") + ": "));
}

TEST_CASE("output file: a full disk is reported and what was there stays") {
  const TempDir directory;
  const std::string path = directory.file("result.json");
  write_file(path, "old");
  std::string error;
  {
    const FileSizeLimit limit(1'000);
    error = failure(path, std::string(10'000, 'x'));
  }
  CAPTURE(error);
  CHECK(error.starts_with("--json=" + path + ": "));
  CHECK(read_file(path) == "old");
  CHECK(names_in(directory.path()) == Names{"result.json"});
}

TEST_CASE("output file: a target that became a directory meanwhile is reported") {
  const TempDir directory;
  const std::string path = directory.file("result.json");
  fs::create_directory(path);
  CHECK(failure(path, "x").starts_with("--json=" + path + ": "));
  CHECK(names_in(directory.path()) == Names{"result.json"});
}

// In a container every run may have the same process id.
TEST_CASE("output file: what a killed run left beside it is no obstacle") {
  const TempDir directory;
  const std::string path = directory.file("result.json");
  write_file(path + "." + std::to_string(getpid()) + ".tmp", "half a res");
  CHECK(refusal(path) == "");
  CHECK(failure(path, "new") == "");
  CHECK(read_file(path) == "new");
}

TEST_CASE("output file: while it is written piece by piece, nothing is under its name") {
  const TempDir directory;
  const std::string path = directory.file("run.hlog");
  write_file(path, "old");
  OutputFile file(path);
  file.write("one ");
  file.write("two");
  CHECK(read_file(path) == "old");
  file.commit();
  CHECK(file.error() == 0);
  CHECK(read_file(path) == "one two");
  CHECK(names_in(directory.path()) == Names{"run.hlog"});
}

TEST_CASE("output file: without a commit nothing is left of it") {
  const TempDir directory;
  const std::string path = directory.file("run.hlog");
  write_file(path, "old");
  { OutputFile(path).write("new"); }
  CHECK(read_file(path) == "old");
  CHECK(names_in(directory.path()) == Names{"run.hlog"});
}

TEST_CASE("output file: after a full disk nothing more is written, and its space is free again") {
  const TempDir directory;
  const std::string path = directory.file("run.hlog");
  OutputFile file(path);
  {
    const FileSizeLimit limit(1'000);
    file.write(std::string(600, 'x'));
    CHECK(file.error() == 0);
    file.write(std::string(600, 'y'));
  }
  CHECK(file.error() == EFBIG);
  CHECK(names_in(directory.path()).empty());
  file.write("z");
  file.commit();
  CHECK(file.error() == EFBIG);
  CHECK(names_in(directory.path()).empty());
}

TEST_CASE("output file: a caller who gives up leaves what was there") {
  const TempDir directory;
  const std::string path = directory.file("run.hlog");
  write_file(path, "old");
  OutputFile file(path);
  file.write("new");
  file.give_up(ENOMEM);
  file.commit();
  CHECK(file.error() == ENOMEM);
  CHECK(read_file(path) == "old");
}

TEST_CASE("output file: a pipe is written directly") {
  const TempDir directory;
  const std::string path = directory.file("pipe");
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  CHECK(refusal(path) == "");  // and does not wait for a reader
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  write_file("--json", path, "through the pipe");
  char buffer[64] = {};
  CHECK(read(reader, buffer, sizeof buffer) == 16);
  close(reader);
  CHECK(std::string(buffer) == "through the pipe");
  CHECK(fs::is_fifo(path));
  CHECK(names_in(directory.path()) == Names{"pipe"});
}

// A device of our own: a mistake here must not replace the machine's /dev/null by a file.
TEST_CASE("output file: a device is written directly and stays one") {
  const TempDir directory;
  const std::string path = directory.file("full");
  if (mknod(path.c_str(), S_IFCHR | 0600, makedev(1, 7)) != 0 || access(path.c_str(), W_OK) != 0) {
    MESSAGE("SKIPPED: only root may make devices");
    return;
  }
  CHECK(refusal(path) == "");
  CHECK(failure(path, "x").starts_with("--json=" + path + ": "));
  CHECK(fs::is_character_file(path));
  CHECK(names_in(directory.path()) == Names{"full"});
}

TEST_CASE("output file: a symbolic link stays one and what it points to is written") {
  const TempDir directory;
  const std::string target = directory.file("target");
  write_file(target, "old");
  const std::string link = directory.file("link");
  fs::create_symlink(target, link);
  CHECK(refusal(link) == "");
  write_file("--json", link, "new");
  CHECK(fs::is_symlink(link));
  CHECK(read_file(target) == "new");
}

// /dev/stdout is such a link, and replacing it would harm the whole machine.
TEST_CASE("output file: a link to an open descriptor stays one") {
  const TempDir directory;
  const std::string target = directory.file("target");
  const int descriptor = open(target.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(descriptor >= 0);
  const std::string link = directory.file("link");
  fs::create_symlink("/proc/self/fd/" + std::to_string(descriptor), link);
  write_file("--json", link, "new");
  CHECK(fs::is_symlink(link));
  CHECK(read_file(target) == "new");
  close(descriptor);
}

TEST_CASE("write_all: writes everything, however small the bites") {
  int ends[2] = {-1, -1};
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  fcntl(ends[1], F_SETPIPE_SZ, 4'096);
  const std::string content = [] {
    std::string text;
    for (int i = 0; text.size() < 500'000; ++i) text += std::to_string(i);
    return text;
  }();
  std::string seen;
  {
    const std::jthread reader([&] {
      char buffer[700];
      for (ssize_t count = 0; (count = read(ends[0], buffer, sizeof buffer)) > 0;) {
        seen.append(buffer, static_cast<std::size_t>(count));
      }
    });
    CHECK(write_all(ends[1], content) == 0);
    close(ends[1]);
  }
  close(ends[0]);
  CHECK(seen == content);
}

TEST_CASE("write_all: returns why it could not") {
  const Ignored sigpipe(SIGPIPE);  // as in main
  int ends[2] = {-1, -1};
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  close(ends[0]);
  CHECK(write_all(ends[1], "x") == EPIPE);
  close(ends[1]);
  CHECK(write_all(-1, "x") == EBADF);
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full >= 0);
  CHECK(write_all(full, "x") == ENOSPC);
  CHECK(write_all(full, "") == 0);
  close(full);
}

TEST_CASE("write_stdout: a reader that went away is no error, a full disk is one") {
  const Ignored sigpipe(SIGPIPE);  // as in main
  int ends[2] = {-1, -1};
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full >= 0);
  const auto print_to = [](int descriptor) {
    std::fflush(stdout);
    const StdoutTo redirected(descriptor);
    return error_of<std::exception>([] { write_stdout("result\n"); });
  };
  CHECK(print_to(ends[1]) == "");
  char buffer[16] = {};
  CHECK(read(ends[0], buffer, sizeof buffer) == 7);
  CHECK(std::string(buffer) == "result\n");
  close(ends[0]);
  CHECK(print_to(ends[1]) == "");
  CHECK(print_to(full).find("standard output") != std::string::npos);
  close(ends[1]);
  close(full);
}
