#include "lane/ending.h"

#include <algorithm>

namespace loadgen {

Ending::Ending(Clock& clock, nanoseconds drain_timeout)
    : clock_(clock), drain_timeout_(drain_timeout) {}

void Ending::expect_end(std::optional<TimePoint> planned) {
  const std::lock_guard lock(mutex_);
  if (planned) production_ends_ = std::min(production_ends_.value_or(*planned), *planned);
}

void Ending::enter(Phase phase) {
  {
    const std::lock_guard lock(mutex_);
    const TimePoint now = clock_.now();
    production_ends_ = std::min(production_ends_.value_or(now), now);
    if (phase >= Phase::kInterrupting && !interrupted_at_) interrupted_at_ = now;
  }
  // In this order: when an attempt is told to end, no other may be begun.
  for (std::size_t i = 1; i <= static_cast<std::size_t>(phase); ++i) sources_[i].request_stop();
}

void Ending::end_production() { drain(0); }

void Ending::drain(int signal) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_by_) ended_by_ = signal;
  }
  enter(Phase::kDraining);
}

void Ending::give_up() { enter(Phase::kGivingUp); }

bool Ending::time_out() {
  {
    const std::lock_guard lock(mutex_);
    if (interrupted_at_) return false;
    timed_out_ = true;
  }
  enter(Phase::kInterrupting);
  return true;
}

void Ending::interrupt() { enter(Phase::kInterrupting); }

void Ending::abort(int signal) {
  {
    const std::lock_guard lock(mutex_);
    if (aborted_by_ == 0) aborted_by_ = signal;
  }
  enter(Phase::kAborting);
}

bool Ending::note_failure(const WriteError& why) {
  const std::lock_guard lock(mutex_);
  if (failure_) return false;
  failure_ = why;
  return true;
}

std::optional<TimePoint> Ending::production_ends() const {
  const std::lock_guard lock(mutex_);
  return production_ends_;
}

std::optional<TimePoint> Ending::deadline() const {
  const std::lock_guard lock(mutex_);
  if (interrupted_at_) return *interrupted_at_ + kGrace;
  if (production_ends_) return *production_ends_ + drain_timeout_;
  return std::nullopt;
}

int Ending::interrupted_by() const {
  const std::lock_guard lock(mutex_);
  return ended_by_.value_or(0);
}

std::optional<WriteError> Ending::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

bool Ending::timed_out() const {
  const std::lock_guard lock(mutex_);
  return timed_out_;
}

int Ending::aborted_by() const {
  const std::lock_guard lock(mutex_);
  return aborted_by_;
}

}  // namespace loadgen
