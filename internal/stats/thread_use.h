// What the threads of a run did with their time. Values; not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "stats/histogram.h"

namespace loadgen {

struct ThreadUse {
  enum class Role { kProducer, kConsumer };

  Role role = Role::kProducer;
  std::uint32_t index = 0;  // 0, 1, 2, ... within its role
  nanoseconds cpu{0};
  nanoseconds lived{0};  // from when it could begin its work until the work was done

  // The share of its life that it spent on a CPU.
  [[nodiscard]] double busy_share() const {
    return lived.count() > 0 ? static_cast<double>(cpu.count()) / static_cast<double>(lived.count())
                             : 0;
  }
};

// How well this program and its machine kept up.
struct SelfCheck {
  std::vector<ThreadUse> threads;  // whose work has ended: by role, then by index
  Histogram oversleep;             // how much later than asked producers woke for their tickets

  void merge(const SelfCheck& other) {
    threads.insert(threads.end(), other.threads.begin(), other.threads.end());
    oversleep.merge(other.oversleep);
  }
};

}  // namespace loadgen
