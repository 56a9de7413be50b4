#include "delivery/circuit_breaker.h"

#include <cassert>
#include <utility>

namespace loadgen {

CircuitBreaker::CircuitBreaker(Breaker mode, BackoffPolicy open_for, std::uint64_t seed,
                               Clock& clock, Hook on_transition)
    : mode_(mode),
      clock_(clock),
      on_transition_(std::move(on_transition)),
      random_(seed),
      machine_(clock.now(), open_for) {}

std::optional<CircuitBreaker::Admission> CircuitBreaker::admit(const std::stop_token& stop) {
  if (mode_ == Breaker::kOff) {
    if (stop.stop_requested()) return std::nullopt;
    return Admission(*this, BreakerMachine::Pass{}, nanoseconds(0));
  }
  const std::stop_callback wake_on_stop(stop, [this] {
    const std::lock_guard lock(mutex_);  // the caller has not checked yet, or waits already
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  const TimePoint begin = clock_.now();
  for (TimePoint now = begin; !stop.stop_requested(); now = clock_.now()) {
    const BreakerMachine::Answer answer = machine_.admit(now);
    if (answer.pass) {
      lock.unlock();
      Admission admission(*this, *answer.pass, now - begin);
      announce(answer.transition);
      return admission;
    }
    ++waiting_;
    if (answer.ask_at) {
      clock_.wait_until(changed_, lock, *answer.ask_at);
    } else {
      changed_.wait(lock);
    }
    --waiting_;
  }
  return std::nullopt;
}

void CircuitBreaker::conclude(BreakerMachine::Pass pass, BreakerVerdict verdict) {
  if (mode_ == Breaker::kOff) return;
  std::optional<BreakerTransition> transition;
  {
    const std::lock_guard lock(mutex_);
    const double uniform01 = std::uniform_real_distribution<double>()(random_);
    transition = machine_.conclude(pass, verdict, clock_.now(), uniform01);
    changed_.notify_all();  // the next probe, or all callers, may go
  }
  announce(transition);
}

void CircuitBreaker::announce(const std::optional<BreakerTransition>& transition) const {
  if (transition && on_transition_) on_transition_(*transition);
}

BreakerReport CircuitBreaker::report() const {
  if (mode_ == Breaker::kOff) return {.state = "off"};
  const std::lock_guard lock(mutex_);
  return machine_.report(clock_.now());
}

bool CircuitBreaker::holds_back() const {
  if (mode_ == Breaker::kOff) return false;
  const std::lock_guard lock(mutex_);
  return machine_.state() != BreakerState::kClosed;
}

std::size_t CircuitBreaker::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

CircuitBreaker::Admission::Admission(CircuitBreaker& breaker, BreakerMachine::Pass pass,
                                     nanoseconds waited)
    : breaker_(&breaker), pass_(pass), waited_(waited) {}

CircuitBreaker::Admission::Admission(Admission&& other) noexcept
    : breaker_(std::exchange(other.breaker_, nullptr)),
      pass_(other.pass_),
      waited_(other.waited_) {}

CircuitBreaker::Admission::~Admission() {
  if (breaker_ != nullptr) uncounted();  // changes no state and calls no hook
}

void CircuitBreaker::Admission::succeeded() { conclude(BreakerVerdict::kSucceeded); }

void CircuitBreaker::Admission::failed() { conclude(BreakerVerdict::kFailed); }

void CircuitBreaker::Admission::uncounted() { conclude(BreakerVerdict::kUncounted); }

void CircuitBreaker::Admission::conclude(BreakerVerdict verdict) {
  assert(breaker_ != nullptr);  // one verdict only
  if (CircuitBreaker* breaker = std::exchange(breaker_, nullptr)) breaker->conclude(pass_, verdict);
}

}  // namespace loadgen
