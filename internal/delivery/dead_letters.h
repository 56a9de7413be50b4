// Dead letters: messages no database will take, kept in a file until somebody has seen to the cause
// and sends them again.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "delivery/letter_file.h"
#include "sink/sink.h"

namespace loadgen {

// The file being written; without a name letters are counted and not kept. Thread-safe. Blocks for
// the disk: what was added survives a power cut.
class DeadLetterBox {
 public:
  DeadLetterBox(std::string path, std::uint64_t most) : file_(std::move(path)), most_(most) {}

  // Appends the letters of a frame. An error = they are not safe.
  [[nodiscard]] std::optional<WriteError> add(std::span<const DeadLetter> letters);

  // Notes a frame's rows and how many of them died. An error = it is not the rows that are wrong
  // but the schema: more than `most` died, or more than half of the last thousand.
  [[nodiscard]] std::optional<WriteError> note(std::uint64_t rows, std::uint64_t dead);

 private:
  LetterFile file_;  // guarded by mutex_, but for its path
  const std::uint64_t most_;
  std::atomic<bool> has_letters_{false};

  std::mutex mutex_;
  // Guarded by mutex_.
  std::uint64_t total_ = 0;
  struct Noted {
    std::uint64_t rows;
    std::uint64_t dead;
  };
  std::deque<Noted> recent_;  // the last frames that make up a thousand rows
  Noted recent_sum_{0, 0};
  std::string last_reason_;
};

}  // namespace loadgen
