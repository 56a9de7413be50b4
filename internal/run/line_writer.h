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
  // Borrows the descriptor, and leaves its flags alone: other processes share them.
  explicit LineWriter(int descriptor);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();

  // Writes the line, or nothing of it and returns false: there was no room within `patience`. A
  // line that was begun is written to its end before the next one. Where writing fails (a closed
  // descriptor, a reader that went away) nobody misses the line: true.
  bool write(std::string_view line,
             std::chrono::milliseconds patience = std::chrono::milliseconds(0));

 private:
  [[nodiscard]] bool push_rest_locked(std::chrono::milliseconds patience);

  // Constant after construction.
  const int own_;  // the same pipe or terminal, opened once more and never blocking; -1 = none
  const int descriptor_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::string rest_;  // of the line that was begun
};

}  // namespace loadgen
