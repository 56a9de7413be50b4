#include "run/coordinator.h"

#include <algorithm>

namespace loadgen {

Coordinator::Coordinator(Clock& clock, nanoseconds drain_timeout)
    : clock_(clock), drain_timeout_(drain_timeout) {}

void Coordinator::expect_end(std::optional<TimePoint> planned) {
  const std::lock_guard lock(mutex_);
  if (planned) ends_at_ = ends_at_ ? std::min(*ends_at_, *planned) : *planned;
}

void Coordinator::thread_started(Role role) {
  const std::lock_guard lock(mutex_);
  ++working_locked(role);
}

void Coordinator::thread_done(Role role) {
  const std::lock_guard lock(mutex_);
  const bool last = --working_locked(role) == 0;
  if (role == Role::kProducer && last) {
    production_over_ = true;
    const TimePoint now = clock_.now();
    ends_at_ = ends_at_ ? std::min(*ends_at_, now) : now;
  }
  changed_.notify_all();
}

void Coordinator::stop_production(int signal) {
  const std::lock_guard lock(mutex_);
  const TimePoint now = clock_.now();
  ends_at_ = ends_at_ ? std::min(*ends_at_, now) : now;
  if (!production_over_ && interrupted_by_ == 0) interrupted_by_ = signal;
  changed_.notify_all();
}

bool Coordinator::note_error(const WriteResult& result) {
  const std::lock_guard lock(mutex_);
  ErrorCount* const known = find_locked(result);
  if (known != nullptr) {
    ++known->count;
  } else {
    errors_.push_back({result});
  }
  return known == nullptr;
}

bool Coordinator::note_failure(const WriteResult& result) {
  const std::lock_guard lock(mutex_);
  if (find_locked(result) == nullptr) errors_.push_back({result});
  const bool first = !failure_;
  if (first) failure_ = result.error;
  return first;
}

Coordinator::ErrorCount* Coordinator::find_locked(const WriteResult& result) {
  const auto known = std::find_if(errors_.begin(), errors_.end(), [&](const ErrorCount& tally) {
    return tally.first.error.code == result.error.code && tally.first.outcome == result.outcome;
  });
  return known == errors_.end() ? nullptr : &*known;
}

void Coordinator::note_abort() {
  const std::lock_guard lock(mutex_);
  if (!aborted_at_) aborted_at_ = clock_.now();
  changed_.notify_all();
}

Coordinator::Wait Coordinator::wait_for(Role role) {
  std::unique_lock lock(mutex_);
  while (working_locked(role) > 0) {
    const std::optional<TimePoint> deadline = deadline_locked();
    if (!deadline) {
      changed_.wait(lock);
    } else if (clock_.now() >= *deadline) {
      return Wait::kTimedOut;
    } else {
      clock_.wait_until(changed_, lock, *deadline);
    }
  }
  return Wait::kDone;
}

std::optional<TimePoint> Coordinator::deadline_locked() const {
  if (aborted_at_) return *aborted_at_ + kAbortGrace;
  if (ends_at_) return *ends_at_ + drain_timeout_;
  return std::nullopt;
}

std::size_t Coordinator::working(Role role) {
  const std::lock_guard lock(mutex_);
  return working_locked(role);
}

std::vector<Coordinator::ErrorCount> Coordinator::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

std::optional<WriteError> Coordinator::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

int Coordinator::interrupted_by() const {
  const std::lock_guard lock(mutex_);
  return interrupted_by_;
}

}  // namespace loadgen
