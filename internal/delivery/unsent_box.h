// Keeps the messages a run could not write before its end, or wrote with no known outcome, in a
// file, so that `app replay` can send them later. Thread-safe. Blocks for the disk.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "delivery/letter_file.h"
#include "model/lost_messages.h"
#include "model/message.h"
#include "sink/sink.h"

namespace loadgen {

class UnsentBox {
 public:
  // Without a path nothing is kept.
  UnsentBox(std::string path, RunIdentity run) : run_(run), file_(std::move(path)) {}

  // Adds messages that are surely not stored. A run that resumes the spool may still store those
  // that are in doubt.
  void add(const LostMessages& lost);
  // Adds a whole frame whose commit has no known outcome.
  void add_in_doubt(std::span<const Message> frame);
  // Syncs the file. Returns 0, or the errno of the first failure: then not all messages are safe.
  [[nodiscard]] int finish();

 private:
  struct Reason {
    std::string_view code;
    std::string_view message;
  };
  void append_locked(std::span<const Message> messages, const Reason& reason,
                     const std::function<std::optional<DoubtfulFrame>(const Message&)>& frame_of);

  const RunIdentity run_;

  std::mutex mutex_;
  // Guarded by mutex_.
  LetterFile file_;
  int error_ = 0;
};

}  // namespace loadgen
