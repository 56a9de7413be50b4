// The directory of a spool. It is created if missing, for its owner only, and locked against other
// processes. Can tell when the directory or its file was deleted or replaced, because the spool's
// messages are then lost. Thread-safe.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace loadgen {

class SpoolDirectory {
 public:
  // Throws UsageError when the directory cannot be made or used, or is in use.
  explicit SpoolDirectory(std::string path);
  SpoolDirectory(const SpoolDirectory&) = delete;
  SpoolDirectory& operator=(const SpoolDirectory&) = delete;
  ~SpoolDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }
  // The path of the spool's file with every link resolved, because SQLite follows none.
  [[nodiscard]] const std::string& file() const { return file_; }

  // Call once the file exists: makes its name survive a power cut and remembers its identity.
  void remember_file();
  // Empty = directory and file are the same as before; otherwise says what happened. Reads the
  // disk.
  [[nodiscard]] std::string what_is_gone() const;

 private:
  struct Identity {
    dev_t device;
    ino_t inode;

    friend bool operator==(const Identity&, const Identity&) = default;
  };
  [[nodiscard]] static std::optional<Identity> identify(const std::string& path);

  // Constant once the file is remembered.
  const std::string path_;
  std::string file_;
  int descriptor_;  // of the directory; holds the lock
  std::optional<Identity> directory_;
  std::optional<Identity> spool_file_;
};

}  // namespace loadgen
