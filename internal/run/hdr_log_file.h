// Writes --hdr-log while a run goes on: an interval of the log for each of the observer's. Not
// thread-safe: begin() before the observer begins, commit() after it has stopped. If the file
// cannot be written, one warning says so and the run goes on without it.
#pragma once

#include <string>

#include "base/clock.h"
#include "report/output_file.h"
#include "run/observer.h"

namespace loadgen {

class HdrLogFile {
 public:
  explicit HdrLogFile(const std::string& path) : path_(path), file_(path) {}

  // start: of production, from which the intervals count.
  void begin(WallTime start);
  // The warm-up is left out. Blocks for the disk. Does not throw.
  void add(const Interval& interval);
  // The log is complete.
  void commit();

  // Why there is no log; empty = there is one, or will be.
  [[nodiscard]] std::string problem() const;

 private:
  void warn_once();

  const std::string path_;
  OutputFile file_;
  bool has_warned_ = false;
};

}  // namespace loadgen
