// A result file that is either complete or not there: written under a temporary name beside its
// target and renamed into place. What is no regular file (a pipe, /dev/stderr) is written directly.
#pragma once

#include <string>

namespace loadgen {

class OutputFile {
 public:
  // Opens for writing now, so that a path that cannot be written is found before the run. `flag` is
  // named in errors. Throws UsageError.
  OutputFile(std::string flag, std::string path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  // Without commit() nothing is left behind.
  ~OutputFile();

  // Writes everything and puts the file in its place. Throws SetupError, and leaves what was there.
  void commit(const std::string& content);

 private:
  [[noreturn]] void fail(const char* what) const;

  const std::string flag_;
  const std::string path_;
  std::string temporary_;  // empty when written directly
  int descriptor_ = -1;
};

// Writes all of it to a descriptor, over short writes and interruptions. Returns 0 or an errno.
int write_all(int descriptor, const std::string& content);

// Throws SetupError when it cannot; but a reader that went away, as in "| head -1", has seen what
// it wanted.
void write_stdout(const std::string& content);

}  // namespace loadgen
