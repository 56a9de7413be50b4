#include "report/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <utility>

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

// A name beside `place`, for a moment.
std::string temporary_name(const std::string& place) {
  return fmt::format("{}.{:06x}", place, std::random_device()() & 0xffffffU);
}

int open_unnamed(const std::string& directory, mode_t mode) {
  // Without /proc it could not be given a name.
  if (access("/proc/self/fd", X_OK) != 0) return -1;
  return open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
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

OutputFile::OutputFile(const std::string& path)
    : place_(path), is_direct_(kind_of(path) == Kind::kOther) {
  if (is_direct_) return;
  // A link stays one: what it points to is replaced.
  std::error_code absent;
  const std::filesystem::path target = std::filesystem::canonical(path, absent);
  if (!absent) place_ = target.string();
  struct stat replaced {};
  const bool is_there = stat(place_.c_str(), &replaced) == 0;
  open_temporary(is_there ? replaced.st_mode & 07777U : 0666U);
  // Of an old file's mode the umask may have taken away something.
  if (is_there && error_ == 0) fchmod(descriptor_, replaced.st_mode & 07777U);
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::open_temporary(mode_t mode) {
  const auto parent = std::filesystem::path(place_).parent_path();
  descriptor_ = open_unnamed(parent.empty() ? "." : parent.string(), mode);
  if (descriptor_ >= 0) return;
  std::string name = temporary_name(place_);
  descriptor_ = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, mode);
  if (descriptor_ < 0) return give_up(errno);
  temporary_ = std::move(name);
}

void OutputFile::write(const std::string& content) {
  if (error_ != 0) return;
  if (is_direct_) {
    pending_ += content;
  } else if (const int error = write_all(descriptor_, content); error != 0) {
    give_up(error);
  }
}

void OutputFile::commit() {
  if (error_ != 0) return;
  if (is_direct_) {
    write_directly();
  } else {
    put_in_place();
  }
}

void OutputFile::write_directly() {
  const int descriptor = open(place_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return give_up(errno);
  int error = write_all(descriptor, pending_);
  if (close(descriptor) != 0 && error == 0) error = errno;
  if (error != 0) give_up(error);
}

void OutputFile::put_in_place() {
  if (temporary_.empty()) {
    const std::string name = temporary_name(place_);
    const std::string unnamed = fmt::format("/proc/self/fd/{}", descriptor_);
    if (linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return give_up(errno);
    }
    temporary_ = name;
  }
  if (close(std::exchange(descriptor_, -1)) != 0) return give_up(errno);
  if (std::rename(temporary_.c_str(), place_.c_str()) != 0) return give_up(errno);
  temporary_.clear();
}

// Frees its space at once: others may need it.
void OutputFile::give_up(int error) {
  if (error_ != 0) return;
  error_ = error;
  pending_.clear();
  if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) unlink(std::exchange(temporary_, {}).c_str());
}

void write_file(const std::string& flag, const std::string& path, const std::string& content) {
  OutputFile file(path);
  file.write(content);
  file.commit();
  if (file.error() != 0) {
    throw SetupError(fmt::format("{}={}: could not be written: {}", flag, one_line(path),
                                 std::strerror(file.error())));
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
