// Memory held in reserve, so that a run can still write its report when memory runs out.
//
// While a reserve lives, an allocation by C++ code that fails is served from it, and `on_use` is
// called once, on the reserve's own thread; it must not throw. When the reserve is used up,
// allocations throw std::bad_alloc as usual. The pages are untouched address space, so holding them
// costs nothing.
//
// At most one may exist at a time, because std::new_handler is global. Any thread may allocate. The
// constructor throws std::bad_alloc without memory, std::system_error without a thread.
#pragma once

#include <functional>
#include <thread>

namespace loadgen {

class MemoryReserve {
 public:
  explicit MemoryReserve(std::function<void()> on_use);
  MemoryReserve(const MemoryReserve&) = delete;
  MemoryReserve& operator=(const MemoryReserve&) = delete;
  ~MemoryReserve();

 private:
  const std::function<void()> on_use_;
  std::jthread thread_;
};

}  // namespace loadgen
