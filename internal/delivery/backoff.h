// How long to wait before a failed write is tried again. The caller does the waiting
// (Clock::sleep_until). Allocates nothing, never fails.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace loadgen {

struct BackoffPolicy {
  nanoseconds base;  // longest delay before the first retry
  nanoseconds cap;   // longest delay before any retry
};

// The delay before retry `attempt` (0, 1, 2, ...), spread over 0 .. min(cap, base * 2^attempt) by
// `uniform01` in 0 .. 1, so that consumers which failed together do not come back together.
// Source: Marc Brooker, "Exponential Backoff And Jitter" (AWS, 2015), the variant "full jitter".
[[nodiscard]] nanoseconds full_jitter(const BackoffPolicy& policy, std::uint32_t attempt,
                                      double uniform01);

// Tokens shared by all consumers of a target: a retry costs some, a success earns one, so they run
// out while most writes fail. Thread-safe, lock-free. Source: gRPC proposal A6, "Client Retries",
// retry throttling; here no retry is forbidden.
class RetryBudget {
 public:
  static constexpr std::int32_t kTokensMax = 500;  // also the initial number
  static constexpr std::int32_t kRetryCost = 5;

  // Pays for one retry. False: too few tokens, none is taken, and the retry must wait for the
  // policy's whole cap instead of a jittered delay.
  [[nodiscard]] bool spend();
  // A write succeeded: one token back.
  void earn();
  // How many writes have succeeded.
  [[nodiscard]] std::uint64_t successes() const {
    return successes_.load(std::memory_order_relaxed);
  }

 private:
  // Relaxed throughout: the count orders nothing but itself.
  std::atomic<std::int32_t> tokens_{kTokensMax};
  std::atomic<std::uint64_t> successes_{0};
};

}  // namespace loadgen
