// Dead letters: messages no database will take, kept in a file of JSON Lines until somebody has
// seen to the cause and sends them again. One object a line, with all that is needed to do so.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "model/message.h"
#include "sink/sink.h"

namespace loadgen {

struct DeadLetter {
  std::int64_t run_id = 0;
  std::uint64_t sequence = 0;
  std::uint32_t producer = 0;
  std::string text;
  WallTime due;
  WallTime created;
  std::uint64_t attempts = 0;  // of the write that ended it
  WriteError error;            // its message without the text
};

DeadLetter make_dead_letter(const RunIdentity& run, const Message& message, std::uint64_t attempts,
                            const WriteError& error);

// Replaces a driver's message that repeats the text, as a trigger or a conversion may make it.
void hide_text(std::string& says, std::string_view text);

// A line, with its newline. Pure.
std::string to_json_line(const DeadLetter& letter);
// nullopt = not a dead letter: torn, of another version, or its text does not fit its checksum.
std::optional<DeadLetter> from_json_line(std::string_view line);

// The file being written; without a name letters are counted and not kept. It is made, for its
// owner only, when the first letter comes; what was in it stays. Thread-safe. Blocks for the disk:
// what was added survives a power cut.
class DeadLetterBox {
 public:
  DeadLetterBox(std::string path, std::uint64_t most) : path_(std::move(path)), most_(most) {}
  DeadLetterBox(const DeadLetterBox&) = delete;
  DeadLetterBox& operator=(const DeadLetterBox&) = delete;
  ~DeadLetterBox();

  // Appends the letters of a frame. An error = they are not safe.
  [[nodiscard]] std::optional<WriteError> add(std::span<const DeadLetter> letters);

  // Notes a frame's rows and how many of them died. An error = it is not the rows that are wrong
  // but the schema: more than `most` died, or more than half of the last thousand.
  [[nodiscard]] std::optional<WriteError> note(std::uint64_t rows, std::uint64_t dead);

 private:
  [[nodiscard]] int open_locked();

  const std::string path_;
  const std::uint64_t most_;
  std::atomic<bool> has_letters_{false};

  std::mutex mutex_;
  // Guarded by mutex_.
  int file_ = -1;
  std::uint64_t total_ = 0;
  struct Noted {
    std::uint64_t rows;
    std::uint64_t dead;
  };
  std::deque<Noted> recent_;  // the last frames that make up a thousand rows
  Noted recent_sum_{0, 0};
  std::string last_reason_;
};

// Calls visit for each letter of the file; a line that is none counts as `skipped`. Returns how
// many were skipped. Throws UsageError when the file cannot be read. Memory is bounded by the
// longest line a letter can have.
std::uint64_t read_dead_letters(const std::string& path,
                                const std::function<void(const DeadLetter&)>& visit);

}  // namespace loadgen
