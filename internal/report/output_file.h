// Writing results where the user wants them. Blocks; a result file is either complete or not there.
#pragma once

#include <string>

namespace loadgen {

// Throws UsageError that names the flag when the file could not be written, so that it is known
// before a run and not after it. Creates nothing.
void check_writable(const std::string& flag, const std::string& path);

// Writes a file under a temporary name beside its own and renames it into place, with the mode the
// old one had, or that the umask leaves a new one. What is no regular file (a pipe, /dev/stderr) is
// written directly. Throws SetupError, and then leaves what was there.
void write_file(const std::string& flag, const std::string& path, const std::string& content);

// Writes all of it to a descriptor, over short writes and interruptions. Returns 0 or an errno.
int write_all(int descriptor, const std::string& content);

// Throws SetupError when standard output is closed, or open for reading only: a result could not be
// delivered.
void check_stdout();

// Throws SetupError when it cannot; but a reader that went away, as in "| head -1", has seen what
// it wanted.
void write_stdout(const std::string& content);

}  // namespace loadgen
