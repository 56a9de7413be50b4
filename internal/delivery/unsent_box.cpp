#include "delivery/unsent_box.h"

#include <vector>

namespace loadgen {

void UnsentBox::add(std::span<const Message> messages) {
  const std::lock_guard lock(mutex_);
  if (file_.path().empty() || error_ != 0) return;
  std::vector<DeadLetter> letters;
  letters.reserve(messages.size());
  for (const Message& message : messages) {
    letters.push_back(make_dead_letter(
        run_, message, 0, {.code = "unsent", .message = "the run ended before it was written"}));
    letters.back().stage = "unsent";
  }
  error_ = file_.add(letters);
}

int UnsentBox::finish() {
  const std::lock_guard lock(mutex_);
  if (error_ == 0) error_ = file_.sync();
  return error_;
}

}  // namespace loadgen
