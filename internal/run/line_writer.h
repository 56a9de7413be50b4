// Writes lines to a descriptor whose reader may have stopped reading (a full pipe, a terminal held
// by ^S) without waiting for that reader. Thread-safe. Blocks only for the patience it is given.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

namespace loadgen {

class LineWriter {
 public:
  // Borrows the descriptor and does not change its flags, because other processes share them.
  explicit LineWriter(int descriptor);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();

  // Writes the line. False: there was no room within `patience` and nothing was written. A line
  // that was begun is finished before the next one. Also returns true when writing fails (a closed
  // descriptor, a reader that went away), because nobody misses the line.
  bool write(std::string_view line,
             std::chrono::milliseconds patience = std::chrono::milliseconds(0));

 private:
  [[nodiscard]] bool push_rest_locked(std::chrono::milliseconds patience);

  // Constant after construction.
  const int own_;  // the same pipe or terminal, opened again as non-blocking; -1 = none
  const int descriptor_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::string rest_;  // of the line that was begun
};

}  // namespace loadgen
