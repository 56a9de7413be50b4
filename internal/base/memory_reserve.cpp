#include "base/memory_reserve.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <new>
#include <semaphore>
#include <utility>

#include "base/background_thread.h"

namespace loadgen {
namespace {

// Released one after the other. The C library asks the system for a megabyte at least, and maps a
// larger piece when a thread's own heap is full.
constexpr std::size_t kBlockBytes = std::size_t{2} << 20;
constexpr std::size_t kBlocks = 8;

std::array<std::atomic<void*>, kBlocks> blocks;
std::atomic<bool> untouched = false;
std::binary_semaphore used_or_ending{0};  // static, so that it outlives threads still releasing it

void unmap_all() {
  for (auto& block : blocks) {
    if (void* const held = block.exchange(nullptr)) munmap(held, kBlockBytes);
  }
}

// std::new_handler: called by operator new, which tries again when this returns. It may be called
// by any thread, with any lock held, and so allocates and locks nothing.
void release_one_block() {
  for (std::size_t i = 0; i < kBlocks - 1; ++i) {
    void* const held = blocks[i].exchange(nullptr);
    if (held == nullptr) continue;
    munmap(held, kBlockBytes);
    if (untouched.exchange(false)) used_or_ending.release();
    return;
  }
  throw std::bad_alloc();
}

}  // namespace

MemoryReserve::MemoryReserve(std::function<void()> on_use) : on_use_(std::move(on_use)) {
  assert(std::get_new_handler() == nullptr);
  for (auto& block : blocks) {
    void* const held =
        mmap(nullptr, kBlockBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (held == MAP_FAILED) {
      unmap_all();
      throw std::bad_alloc();
    }
    block = held;
  }
  try {
    thread_ = start_background_thread([this](const std::stop_token& stop) {
      used_or_ending.acquire();
      if (stop.stop_requested()) return;
      // The last block, which no other thread can take.
      if (void* const held = blocks.back().exchange(nullptr)) munmap(held, kBlockBytes);
      on_use_();
    });
  } catch (...) {
    unmap_all();
    throw;
  }
  untouched = true;
  std::set_new_handler(release_one_block);
}

MemoryReserve::~MemoryReserve() {
  std::set_new_handler(nullptr);
  thread_.request_stop();
  if (untouched.exchange(false)) used_or_ending.release();
  thread_.join();
  unmap_all();
}

}  // namespace loadgen
