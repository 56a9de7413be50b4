#include "delivery/unsent_box.h"

#include <vector>

namespace loadgen {

void UnsentBox::add(const LostMessages& lost) {
  const std::lock_guard lock(mutex_);
  if (file_.path().empty() || error_ != 0) return;
  std::vector<DeadLetter> letters;
  letters.reserve(lost.messages.size());
  const char* const reason = lost.how == Lost::kSurely
                                 ? "the run ended before it was written"
                                 : "the run ended before it was written; its spool failed while "
                                   "taking it, and may have it";
  for (const Message& message : lost.messages) {
    letters.push_back(make_dead_letter(run_, message, 0, {.code = "unsent", .message = reason}));
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
