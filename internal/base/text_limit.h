// The maximum length of a message's text.
#pragma once

#include <cstddef>

namespace loadgen {

// Bytes, the width of the column. Checked wherever a text is read from outside.
inline constexpr std::size_t kLongestText = 256;

}  // namespace loadgen
