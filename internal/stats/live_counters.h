// Counters that threads bump while they work and the progress line reads. For display only: the
// result is computed from what each thread counted itself. Thread-safe, relaxed.
#pragma once

#include <atomic>
#include <cstdint>

namespace loadgen {

struct LiveCounters {
  // Apart, so that producers and consumers do not fight over one cache line.
  alignas(64) std::atomic<std::uint64_t> produced{0};
  alignas(64) std::atomic<std::uint64_t> stored{0};
};

}  // namespace loadgen
