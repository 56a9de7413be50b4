#include "report/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/redact.h"

namespace loadgen {
namespace {

enum class Kind { kAbsent, kRegular, kDirectory, kOther, kUnusable };

Kind kind_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return errno == ENOENT ? Kind::kAbsent : Kind::kUnusable;
  if (S_ISDIR(status.st_mode)) return Kind::kDirectory;
  return S_ISREG(status.st_mode) ? Kind::kRegular : Kind::kOther;
}

// 0 or an errno.
int write_and_close(int descriptor, const std::string& content) {
  const int error = write_all(descriptor, content);
  return close(descriptor) != 0 && error == 0 ? errno : error;
}

int write_directly(const std::string& path, const std::string& content) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  return descriptor < 0 ? errno : write_and_close(descriptor, content);
}

int write_and_rename(const std::string& path, const std::string& content) {
  // A link stays one: what it points to is replaced.
  std::error_code absent;
  const std::filesystem::path target = std::filesystem::canonical(path, absent);
  const std::string place = absent ? path : target.string();
  std::string temporary = place + ".XXXXXX";
  const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);  // for its owner only
  if (descriptor < 0) return errno;
  const mode_t mask = umask(0);  // cannot be read otherwise; no other thread makes files now
  umask(mask);
  struct stat replaced {};
  const bool is_there = stat(place.c_str(), &replaced) == 0;
  fchmod(descriptor, is_there ? replaced.st_mode & 07777U : 0666U & ~mask);
  int error = write_and_close(descriptor, content);
  if (error == 0 && std::rename(temporary.c_str(), place.c_str()) != 0) error = errno;
  if (error != 0) unlink(temporary.c_str());
  return error;
}

[[noreturn]] void refuse_stdout(int error) {
  throw SetupError(fmt::format(
      "cannot write to standard output: {}",
      error == EBADF ? "it is closed, or open for reading only" : std::strerror(error)));
}

}  // namespace

void check_writable(const std::string& flag, const std::string& path) {
  const auto refuse = [&](const char* why) {
    throw UsageError(fmt::format("{}={}: cannot be written: {}", flag, one_line(path), why));
  };
  const Kind kind = kind_of(path);
  if (kind == Kind::kUnusable) refuse(std::strerror(errno));
  if (kind == Kind::kDirectory) refuse("it is a directory");
  const auto parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const int refused =
      kind == Kind::kOther ? access(path.c_str(), W_OK) : access(folder.c_str(), W_OK | X_OK);
  if (refused != 0) refuse(std::strerror(errno));
}

void write_file(const std::string& flag, const std::string& path, const std::string& content) {
  const int error = kind_of(path) == Kind::kOther ? write_directly(path, content)
                                                  : write_and_rename(path, content);
  if (error != 0) {
    throw SetupError(
        fmt::format("{}={}: could not be written: {}", flag, one_line(path), std::strerror(error)));
  }
}

int write_all(int descriptor, const std::string& content) {
  for (std::size_t written = 0; written < content.size();) {
    const ssize_t count = write(descriptor, content.data() + written, content.size() - written);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

void check_stdout() {
  const int flags = fcntl(STDOUT_FILENO, F_GETFL);
  // A closed one was given /dev/null for reading at the start of the process.
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) refuse_stdout(EBADF);
}

void write_stdout(const std::string& content) {
  const int error = write_all(STDOUT_FILENO, content);
  if (error != 0 && error != EPIPE) refuse_stdout(error);
}

}  // namespace loadgen
