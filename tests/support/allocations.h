// Counts what the calling thread has allocated with new, so that a test can tell that nothing was.
#pragma once

#include <cstddef>

namespace loadgen {

std::size_t allocations();

}  // namespace loadgen
