// Writes result files and stdout. Blocks. A result file is either complete or not there.
#pragma once

#include <string>

namespace loadgen {

// Throws UsageError that names the flag when the file cannot be written, so that the user learns it
// before the run. Creates nothing.
void check_writable(const std::string& flag, const std::string& path);

// Writes a temporary file next to the target and renames it into place, with the mode of the old
// file, or the default mode for a new one. Anything but a regular file (a pipe, /dev/stderr) is
// written directly. Throws SetupError, and then leaves the old file unchanged.
void write_file(const std::string& flag, const std::string& path, const std::string& content);

// Writes all of it to a descriptor, despite short writes and interruptions. Returns 0 or an errno.
int write_all(int descriptor, const std::string& content);

// Throws SetupError when standard output is closed or open for reading only, because no result
// could be written.
void check_stdout();

// Throws SetupError when writing fails, but not when the reader has gone away, as in "| head -1".
void write_stdout(const std::string& content);

}  // namespace loadgen
