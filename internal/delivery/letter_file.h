// Letters: messages that were not stored, kept in a file of JSON Lines until `app replay` sends
// them again. Each line is one object with everything needed for that.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "model/message.h"
#include "sink/sink.h"

namespace loadgen {

// A frame whose commit has no known outcome. The ledger knows the frame only as a whole, by its id,
// so its messages can only be sent again together.
struct DoubtfulFrame {
  std::uint64_t id = 0;
  std::uint64_t rows = 0;

  friend bool operator==(const DoubtfulFrame&, const DoubtfulFrame&) = default;
};

struct DeadLetter {
  std::int64_t run_id = 0;
  std::uint64_t sequence = 0;
  std::uint32_t producer = 0;
  std::string text;
  WallTime due;
  WallTime created;
  std::uint64_t attempts = 0;            // of the write that ended it
  WriteError error;                      // its message does not hold the text
  std::string stage = "write";           // where the message failed
  std::optional<DoubtfulFrame> frame{};  // the frame of a message in doubt
};

DeadLetter make_dead_letter(const RunIdentity& run, const Message& message, std::uint64_t attempts,
                            const WriteError& error);

// Replaces a driver's message that repeats the text; triggers and conversions may cause that.
void hide_text(std::string& says, std::string_view text);

// One line, with its newline. Pure.
std::string to_json_line(const DeadLetter& letter);
// nullopt = not a dead letter: torn, of another version, or its text does not fit its checksum.
std::optional<DeadLetter> from_json_line(std::string_view line);

// A file to which letters are appended. It is created, for its owner only, with the first letter;
// existing content stays. Not thread-safe. Blocks for the disk.
class LetterFile {
 public:
  explicit LetterFile(std::string path) : path_(std::move(path)) {}
  LetterFile(const LetterFile&) = delete;
  LetterFile& operator=(const LetterFile&) = delete;
  ~LetterFile();

  [[nodiscard]] const std::string& path() const { return path_; }
  // Whether letters could be appended now: 0 or an errno. Creates nothing.
  [[nodiscard]] int check() const;
  // Both return 0 or an errno. Letters survive a power cut once sync() has succeeded.
  [[nodiscard]] int add(std::span<const DeadLetter> letters);
  [[nodiscard]] int sync() const;

 private:
  [[nodiscard]] int open_file();

  const std::string path_;
  int file_ = -1;
};

// Calls visit for each letter of the file, and on_skipped, with the line number from 1, for each
// line that is not a letter. Returns how many were skipped. Throws UsageError when the file cannot
// be read. Memory is bounded by the longest line a letter can have.
std::uint64_t read_dead_letters(
    const std::string& path, const std::function<void(const DeadLetter&)>& visit,
    const std::function<void(std::uint64_t line)>& on_skipped = [](std::uint64_t) {});

}  // namespace loadgen
