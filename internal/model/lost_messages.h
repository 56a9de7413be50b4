// Messages that are not safe anywhere.
#pragma once

#include <span>

#include "model/fate.h"
#include "model/message.h"

namespace loadgen {

// They are unsent, or in doubt if a disk failed while writing them. Borrows the messages.
struct LostMessages {
  std::span<const Message> messages;
  Fate fate = Fate::kUnsent;
};

}  // namespace loadgen
