// Dead letters: messages that the database refuses, kept in a file until the cause is fixed and
// they are sent again.
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

// Writes dead letters to a file; without a file name they are only counted. Thread-safe. Blocks for
// the disk: letters that were added survive a power cut.
class DeadLetterBox {
 public:
  DeadLetterBox(std::string path, std::uint64_t most) : file_(std::move(path)), most_(most) {}

  // Appends the letters of a frame. An error = they are not safe.
  [[nodiscard]] std::optional<WriteError> add(std::span<const DeadLetter> letters);

  // Notes how many rows of a frame became dead letters. An error = the schema is probably wrong:
  // there are more than `most` dead letters, or more than half of the last thousand rows died.
  [[nodiscard]] std::optional<WriteError> note(std::uint64_t rows, std::uint64_t dead);

 private:
  LetterFile file_;  // guarded by mutex_, except its path
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
