// The directory a spool lives in: made if there is none, for its owner only, locked against other
// processes, and watched: whoever deletes or replaces it, or the file in it, takes away what the
// spool has promised to keep. Thread-safe.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace loadgen {

class SpoolDirectory {
 public:
  // Throws UsageError when it cannot be made, or used, or is in use.
  explicit SpoolDirectory(std::string path);
  SpoolDirectory(const SpoolDirectory&) = delete;
  SpoolDirectory& operator=(const SpoolDirectory&) = delete;
  ~SpoolDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }
  // Where the spool's file is, with every link resolved: SQLite follows none.
  [[nodiscard]] const std::string& file() const { return file_; }

  // Call once the file is there: makes its name survive a power cut, and remembers which file it
  // is.
  void remember_file();
  // Empty = both are what they were; else what has become of them. Asks the disk.
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
