// Memory that is held back for the day when there is none: a run then still writes its report.
//
// While a reserve lives, an allocation by C++ code that fails is served from it, and `on_use` is
// called on a thread of the reserve's own, once, where everything but throwing is allowed. Once the
// reserve is used up allocations throw std::bad_alloc as ever. The pages are address space that
// nobody touches: they cost nothing while they are held.
//
// At most one may live at a time, for std::new_handler is global. Any thread may allocate; the
// constructor throws std::bad_alloc or std::system_error where there is no memory or no thread.
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
