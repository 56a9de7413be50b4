// Messages that nobody can promise to keep.
#pragma once

#include <span>

#include "model/fate.h"
#include "model/message.h"

namespace loadgen {

// Unsent, or in doubt where a disk failed while it wrote them. Borrows the messages.
struct LostMessages {
  std::span<const Message> messages;
  Fate fate = Fate::kUnsent;
};

}  // namespace loadgen
