// Letters: messages that were not stored, kept in a file of JSON Lines until somebody sends them
// again (app replay). One object a line, with all that is needed to do so.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "model/message.h"
#include "sink/sink.h"

namespace loadgen {

// A frame whose commit has no known outcome. The ledger knows it as a whole, by its id: only all of
// its messages together can be sent again.
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
  WriteError error;                      // its message without the text
  std::string stage = "write";           // where its way ended
  std::optional<DoubtfulFrame> frame{};  // that it belongs to, if it is in doubt
};

DeadLetter make_dead_letter(const RunIdentity& run, const Message& message, std::uint64_t attempts,
                            const WriteError& error);

// Replaces a driver's message that repeats the text, as a trigger or a conversion may make it.
void hide_text(std::string& says, std::string_view text);

// A line, with its newline. Pure.
std::string to_json_line(const DeadLetter& letter);
// nullopt = not a dead letter: torn, of another version, or its text does not fit its checksum.
std::optional<DeadLetter> from_json_line(std::string_view line);

// The file letters are appended to: made, for its owner only, when the first one comes; what was in
// it stays. Not thread-safe. Blocks for the disk.
class LetterFile {
 public:
  explicit LetterFile(std::string path) : path_(std::move(path)) {}
  LetterFile(const LetterFile&) = delete;
  LetterFile& operator=(const LetterFile&) = delete;
  ~LetterFile();

  [[nodiscard]] const std::string& path() const { return path_; }
  // Whether letters could be appended now: 0 or an errno. Makes nothing.
  [[nodiscard]] int check() const;
  // Both return 0 or an errno. What was added survives a power cut once sync() has succeeded.
  [[nodiscard]] int add(std::span<const DeadLetter> letters);
  [[nodiscard]] int sync() const;

 private:
  [[nodiscard]] int open_file();

  const std::string path_;
  int file_ = -1;
};

// Calls visit for each letter of the file, and on_skipped, with its number from 1, for each line
// that is none. Returns how many were skipped. Throws UsageError when the file cannot be read.
// Memory is bounded by the longest line a letter can have.
std::uint64_t read_dead_letters(
    const std::string& path, const std::function<void(const DeadLetter&)>& visit,
    const std::function<void(std::uint64_t line)>& on_skipped = [](std::uint64_t) {});

}  // namespace loadgen
