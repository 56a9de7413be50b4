// Messages a run had to leave: what could not be written before its end, or was written with no
// known outcome, kept in a file to be sent later (app replay). Thread-safe. Blocks for the disk.
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

  // Surely not stored, each; yet one that is lost in doubt may be stored by a run that resumes the
  // channel.
  void add(const LostMessages& lost);
  // A frame, whole, whose commit has no known outcome.
  void add_in_doubt(std::span<const Message> frame);
  // The end. Returns 0, or the errno of the first thing that failed: then not all of them are safe.
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
