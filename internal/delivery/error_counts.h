// The failed attempts of a run: equal errors are counted together, in the order of their first
// occurrence. Thread-safe. Does not block; allocates for new errors.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "sink/sink.h"

namespace loadgen {

struct ErrorCount {
  WriteResult first;
  std::uint64_t count = 1;
};

// Equal errors: the same code and outcome.
[[nodiscard]] bool is_same_error(const WriteResult& a, const WriteResult& b);

class ErrorCounts {
 public:
  // Called without a lock by the thread that noted the first error of its kind.
  using Hook = std::function<void(const WriteResult&)>;

  explicit ErrorCounts(Hook on_first = {}) : on_first_(std::move(on_first)) {}

  // An attempt failed.
  void note(const WriteResult& result);
  // This error ended the run. If it came from an attempt, note() has counted it already.
  void note_end(const WriteResult& result);

  [[nodiscard]] std::vector<ErrorCount> all() const;

 private:
  [[nodiscard]] ErrorCount* find_locked(const WriteResult& result);

  const Hook on_first_;

  mutable std::mutex mutex_;
  std::vector<ErrorCount> errors_;  // guarded by mutex_
};

}  // namespace loadgen
