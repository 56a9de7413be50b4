#include "delivery/backoff.h"

#include <algorithm>
#include <cassert>

namespace loadgen {
namespace {

// min(cap, base * 2^attempt). Divides the cap instead of multiplying the base: no overflow.
std::int64_t ceiling(const BackoffPolicy& policy, std::uint32_t attempt) {
  const std::int64_t base = policy.base.count();
  const std::int64_t cap = policy.cap.count();
  const std::uint32_t doublings = std::min(attempt, 63U);  // cap / 2^63 is 0 already
  return base > cap >> doublings ? cap : base << doublings;
}

}  // namespace

nanoseconds full_jitter(const BackoffPolicy& policy, std::uint32_t attempt, double uniform01) {
  assert(policy.base.count() >= 0 && policy.cap.count() >= 0);
  assert(uniform01 >= 0 && uniform01 <= 1);
  const std::int64_t most = ceiling(policy, attempt);
  const double delay = static_cast<double>(most) * uniform01;
  // A double may round up past the largest integer, where the conversion is undefined.
  return nanoseconds(delay >= static_cast<double>(most) ? most : static_cast<std::int64_t>(delay));
}

bool RetryBudget::spend() {
  std::int32_t tokens = tokens_.load(std::memory_order_relaxed);
  while (tokens >= kRetryCost) {
    if (tokens_.compare_exchange_weak(tokens, tokens - kRetryCost, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void RetryBudget::earn() {
  successes_.fetch_add(1, std::memory_order_relaxed);
  std::int32_t tokens = tokens_.load(std::memory_order_relaxed);
  while (tokens < kTokensMax) {
    if (tokens_.compare_exchange_weak(tokens, tokens + 1, std::memory_order_relaxed)) return;
  }
}

}  // namespace loadgen
