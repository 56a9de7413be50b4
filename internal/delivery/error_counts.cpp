#include "delivery/error_counts.h"

#include <algorithm>

namespace loadgen {

bool is_same_error(const WriteResult& a, const WriteResult& b) {
  return a.error.code == b.error.code && a.outcome == b.outcome;
}

void ErrorCounts::note(const WriteResult& result) {
  {
    const std::lock_guard lock(mutex_);
    if (ErrorCount* const known = find_locked(result)) {
      ++known->count;
      return;
    }
    errors_.push_back({result});
  }
  if (on_first_) on_first_(result);
}

void ErrorCounts::note_end(const WriteResult& result) {
  const std::lock_guard lock(mutex_);
  if (find_locked(result) == nullptr) errors_.push_back({result});
}

ErrorCount* ErrorCounts::find_locked(const WriteResult& result) {
  const auto known = std::find_if(errors_.begin(), errors_.end(), [&](const ErrorCount& error) {
    return is_same_error(error.first, result);
  });
  return known == errors_.end() ? nullptr : &*known;
}

std::vector<ErrorCount> ErrorCounts::all() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

}  // namespace loadgen
