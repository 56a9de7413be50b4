#include "report/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "base/redact.h"

namespace loadgen {

OutputFile::OutputFile(std::string flag, std::string path)
    : flag_(std::move(flag)), path_(std::move(path)) {
  const auto refuse = [&](const char* why) {
    throw UsageError(fmt::format("{}={}: cannot be written: {}", flag_, one_line(path_), why));
  };
  struct stat status {};
  const bool exists = stat(path_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) refuse("it is a directory");
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor_ < 0) refuse(std::strerror(errno));
    return;
  }
  temporary_ = fmt::format("{}.{}.tmp", path_, getpid());
  descriptor_ =
      open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (descriptor_ < 0) refuse(std::strerror(errno));
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::commit(const std::string& content) {
  if (const int error = write_all(descriptor_, content); error != 0) fail(std::strerror(error));
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (close(descriptor) != 0) fail(std::strerror(errno));
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail(std::strerror(errno));
  temporary_.clear();
}

void OutputFile::fail(const char* what) const {
  throw SetupError(fmt::format("{}={}: could not be written: {}", flag_, one_line(path_), what));
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

void write_stdout(const std::string& content) {
  const int error = write_all(STDOUT_FILENO, content);
  if (error != 0 && error != EPIPE) {
    throw SetupError(fmt::format("cannot write to standard output: {}", std::strerror(error)));
  }
}

}  // namespace loadgen
