// A set of message sequences kept as intervals: memory grows with the number of holes, not of
// messages. Fast if sequences are inserted nearly in order. Not thread-safe; see SharedSequenceSet.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "model/message.h"

namespace loadgen {

// Half-open: begin <= sequence < end.
struct SequenceRange {
  std::uint64_t begin;
  std::uint64_t end;

  friend bool operator==(const SequenceRange&, const SequenceRange&) = default;
};

// The sequences of the messages, in their order; neighbours that follow each other share a range.
// The second form reuses `ranges`.
std::vector<SequenceRange> ranges_of(std::span<const Message> messages);
void ranges_of(std::span<const Message> messages, std::vector<SequenceRange>& ranges);

class SequenceSet {
 public:
  // Returns how many of the range were not yet in the set. Ranges near the last one inserted, or
  // near the top of the set, are found at once; others by binary search.
  std::uint64_t insert(SequenceRange range);
  void erase(SequenceRange range);
  [[nodiscard]] bool contains(std::uint64_t sequence) const;
  // Number of sequences in the set.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // How many of this set are not in the other.
  [[nodiscard]] std::uint64_t count_missing_from(const SequenceSet& other) const;
  // This set without those of the other.
  [[nodiscard]] SequenceSet without(const SequenceSet& other) const;
  // Disjoint, not touching, ascending.
  [[nodiscard]] const std::vector<SequenceRange>& ranges() const { return ranges_; }

 private:
  // Index of the first range that ends at or after `sequence`.
  [[nodiscard]] std::size_t find(std::uint64_t sequence) const;

  std::vector<SequenceRange> ranges_;
  std::uint64_t size_ = 0;
  std::size_t recent_ = 0;  // index where the last insert ended up
};

// A SequenceSet that threads share. Blocks only for other inserts.
class SharedSequenceSet {
 public:
  void insert(std::span<const SequenceRange> ranges) {
    const std::lock_guard lock(mutex_);
    for (const SequenceRange& range : ranges) set_.insert(range);
  }
  // Returns the finished set; nothing may be inserted afterwards.
  [[nodiscard]] SequenceSet take() {
    const std::lock_guard lock(mutex_);
    return std::move(set_);
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_.
  SequenceSet set_;
};

}  // namespace loadgen
