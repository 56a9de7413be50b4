// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): finds damage, not malice. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace loadgen {

std::uint64_t fnv1a64(std::string_view bytes);

}  // namespace loadgen
