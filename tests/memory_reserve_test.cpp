#include "base/memory_reserve.h"

#include <doctest/doctest.h>

#include <atomic>
#include <new>
#include <semaphore>

namespace loadgen {

TEST_CASE("memory reserve: serves some failed allocations, and says so once") {
  std::atomic<int> said = 0;
  {
    std::binary_semaphore heard{0};
    const MemoryReserve reserve([&] {
      ++said;
      heard.release();
    });
    // What operator new calls when there is no memory, and tries again when it returns.
    const std::new_handler handler = std::get_new_handler();
    REQUIRE(static_cast<bool>(handler));
    handler();
    heard.acquire();
    handler();
    CHECK_THROWS_AS(for (int i = 0; i < 1000; ++i) handler(), std::bad_alloc);
  }
  CHECK(said == 1);
  CHECK_FALSE(static_cast<bool>(std::get_new_handler()));
}

TEST_CASE("memory reserve: an unused reserve does not call on_use") {
  std::atomic<int> said = 0;
  for (int i = 0; i < 2; ++i) {
    const MemoryReserve reserve([&] { ++said; });
  }
  CHECK(said == 0);
}

}  // namespace loadgen
