#include "spool/spool_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/redact.h"

namespace loadgen {
namespace {

[[noreturn]] void refuse(const std::string& directory, std::string_view what) {
  throw UsageError(fmt::format("--spool={}: {}", one_line(directory), what));
}

// NFS has no locks for a directory that is open for reading, and some file systems have none at
// all.
std::string why_not_locked(int error) {
  if (error == EWOULDBLOCK) return "is in use by another process";
  if (error == ENOLCK || error == EBADF || error == EOPNOTSUPP || error == ENOSYS) {
    return fmt::format("its file system cannot lock it ({}); use a local disk",
                       std::strerror(error));
  }
  return fmt::format("cannot be locked: {}", std::strerror(error));
}

void sync_directory(const std::filesystem::path& directory) {
  const int file = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;  // a directory without read permission: then it is not new
  fsync(file);
  close(file);
}

}  // namespace

// Locks the directory itself and not a file in it, so that deleting a file does not let another
// process in.
SpoolDirectory::SpoolDirectory(std::string path) : path_(std::move(path)) {
  if (mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) {
    refuse(path_, fmt::format("cannot be made: {}", std::strerror(errno)));
  }
  descriptor_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor_ < 0) refuse(path_, fmt::format("cannot be used: {}", std::strerror(errno)));
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(descriptor_);
    refuse(path_, why_not_locked(error));
  }
  std::error_code error;
  file_ = (std::filesystem::canonical(path_, error) / "spool.db").string();
  if (error) {
    close(descriptor_);
    refuse(path_, "cannot be used: " + error.message());
  }
}

SpoolDirectory::~SpoolDirectory() { close(descriptor_); }

void SpoolDirectory::remember_file() {
  fsync(descriptor_);
  sync_directory(std::filesystem::path(file_).parent_path().parent_path());
  directory_ = identify(path_);
  spool_file_ = identify(file_);
}

std::string SpoolDirectory::what_is_gone() const {
  if (identify(path_) != directory_) return "the directory was deleted or replaced during the run";
  if (identify(file_) != spool_file_)
    return "spool.db in it was deleted or replaced during the run";
  return {};
}

std::optional<SpoolDirectory::Identity> SpoolDirectory::identify(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

}  // namespace loadgen
