// Writes result files and stdout. Blocks. A result file is either complete or not there.
#pragma once

#include <sys/types.h>

#include <string>

namespace loadgen {

// Throws UsageError that names the flag when the file cannot be written, so that the user learns it
// before the run. Creates nothing.
void check_writable(const std::string& flag, const std::string& path);

// A result file that is written piece by piece and stands under its name once it is complete. Until
// commit() it is a temporary file next to the target, without a name where the file system can do
// that, so that nothing is left of it when the process is killed. It then replaces the old file and
// takes over its mode; a new file has the default mode. Anything but a regular file (a pipe,
// /dev/stderr) is written directly, all at once by commit().
//
// Not thread-safe. After the first error nothing more is written, and the old file stays unchanged.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  // Without a commit() nothing is left of it.
  ~OutputFile();

  void write(const std::string& content);
  // Call it once, at the end.
  void commit();
  // An errno, for a caller who cannot make what was to be written.
  void give_up(int error);

  // 0, or the errno of the first failure.
  [[nodiscard]] int error() const { return error_; }

 private:
  void open_temporary(mode_t mode);
  void write_directly();
  void put_in_place();

  std::string place_;  // what a link leads to
  bool is_direct_ = false;
  std::string pending_;    // of a file that is written directly
  int descriptor_ = -1;    // of the temporary file
  std::string temporary_;  // its name; empty = none
  int error_ = 0;
};

// Writes the whole file. Throws SetupError that names the flag.
void write_file(const std::string& flag, const std::string& path, const std::string& content);

// Writes all of it to a descriptor, despite short writes and interruptions. Returns 0 or an errno.
int write_all(int descriptor, const std::string& content);

// Throws SetupError when standard output is closed or open for reading only, because no result
// could be written.
void check_stdout();

// Throws SetupError when writing fails, but not when the reader has gone away, as in "| head -1".
void write_stdout(const std::string& content);

}  // namespace loadgen
