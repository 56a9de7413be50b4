#include "delivery/unsent_box.h"

#include <vector>

namespace loadgen {

void UnsentBox::add(const LostMessages& lost) {
  const std::lock_guard lock(mutex_);
  if (lost.fate == Fate::kUnsent) {
    append_locked(lost.messages, {"unsent", "the run ended before it was written"},
                  [](const Message&) { return std::nullopt; });
  } else {
    // Never tried as part of a frame, so each is a frame of its own; replay checks whether it has
    // been stored meanwhile.
    append_locked(lost.messages,
                  {"unsent",
                   "the run ended before it was written; its spool failed while taking it, and may "
                   "have it"},
                  [](const Message& message) {
                    return DoubtfulFrame{message.sequence, 1};
                  });
  }
}

void UnsentBox::add_in_doubt(std::span<const Message> frame) {
  const std::lock_guard lock(mutex_);
  append_locked(frame, {"in_doubt", "the run ended before its commit was answered"},
                [&](const Message&) {
                  return DoubtfulFrame{Frame{frame}.id(), frame.size()};
                });
}

void UnsentBox::append_locked(
    std::span<const Message> messages, const Reason& reason,
    const std::function<std::optional<DoubtfulFrame>(const Message&)>& frame_of) {
  if (messages.empty() || file_.path().empty() || error_ != 0) return;
  std::vector<DeadLetter> letters;
  letters.reserve(messages.size());
  for (const Message& message : messages) {
    DeadLetter& letter = letters.emplace_back(make_dead_letter(
        run_, message, 0,
        {.code = std::string(reason.code), .message = std::string(reason.message)}));
    letter.stage = reason.code;
    letter.frame = frame_of(message);
  }
  error_ = file_.add(letters);
}

int UnsentBox::finish() {
  const std::lock_guard lock(mutex_);
  if (error_ == 0) error_ = file_.sync();
  return error_;
}

}  // namespace loadgen
