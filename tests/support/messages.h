// Messages for tests to which their texts do not matter.
#pragma once

#include <cstddef>
#include <vector>

#include "model/message.h"

namespace loadgen {

// With the sequences 0, 1, 2, ...
inline std::vector<Message> some_messages(std::size_t count) {
  std::vector<Message> messages(count);
  for (std::size_t i = 0; i < count; ++i) messages[i].sequence = i;
  return messages;
}

}  // namespace loadgen
