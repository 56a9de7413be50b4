#include "base/time_limit.h"

#include <utility>

#include "base/background_thread.h"

namespace loadgen {

TimeLimit::TimeLimit(Clock& clock, nanoseconds limit, std::function<void()> on_expiry)
    : clock_(clock),
      limit_(limit),
      on_expiry_(std::move(on_expiry)),
      deadline_(clock.now() + limit),
      thread_(start_background_thread([this](const std::stop_token& stop) {
        while (clock_.now() < deadline_.load()) {
          if (!clock_.sleep_until(deadline_.load(), stop)) return;
        }
        expired_ = true;
        on_expiry_();
      })) {}

bool TimeLimit::end() {
  thread_ = {};  // joins
  return expired_;
}

void TimeLimit::restart() { deadline_ = clock_.now() + limit_; }

}  // namespace loadgen
