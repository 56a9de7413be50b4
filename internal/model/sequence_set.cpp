#include "model/sequence_set.h"

#include <algorithm>
#include <array>

namespace loadgen {

std::vector<SequenceRange> ranges_of(std::span<const Message> messages) {
  std::vector<SequenceRange> ranges;
  ranges_of(messages, ranges);
  return ranges;
}

void ranges_of(std::span<const Message> messages, std::vector<SequenceRange>& ranges) {
  ranges.clear();
  for (const Message& message : messages) {
    if (!ranges.empty() && ranges.back().end == message.sequence) {
      ++ranges.back().end;
    } else {
      ranges.push_back({message.sequence, message.sequence + 1});
    }
  }
}

std::size_t SequenceSet::find(std::uint64_t sequence) const {
  // Most lookups land on the range of the last insert, on its successor, or at the end.
  for (const std::size_t guess : {recent_, recent_ + 1, ranges_.size()}) {
    const bool after_previous =
        guess <= ranges_.size() && (guess == 0 || ranges_[guess - 1].end < sequence);
    if (after_previous && (guess == ranges_.size() || ranges_[guess].end >= sequence)) return guess;
  }
  const auto found = std::lower_bound(
      ranges_.begin(), ranges_.end(), sequence,
      [](const SequenceRange& range, std::uint64_t value) { return range.end < value; });
  return static_cast<std::size_t>(found - ranges_.begin());
}

std::uint64_t SequenceSet::insert(SequenceRange range) {
  if (range.begin >= range.end) return 0;
  const std::size_t first = find(range.begin);
  std::size_t last = first;  // one past the ranges that touch or overlap the new one
  std::uint64_t covered = 0;
  SequenceRange merged = range;
  while (last < ranges_.size() && ranges_[last].begin <= range.end) {
    covered += ranges_[last].end - ranges_[last].begin;
    merged.begin = std::min(merged.begin, ranges_[last].begin);
    merged.end = std::max(merged.end, ranges_[last].end);
    ++last;
  }
  const auto at = ranges_.begin() + static_cast<std::ptrdiff_t>(first);
  if (first == last) {
    ranges_.insert(at, merged);
  } else {
    *at = merged;
    ranges_.erase(at + 1, ranges_.begin() + static_cast<std::ptrdiff_t>(last));
  }
  recent_ = first;
  const std::uint64_t added = merged.end - merged.begin - covered;
  size_ += added;
  return added;
}

void SequenceSet::erase(SequenceRange range) {
  if (range.begin >= range.end) return;
  std::size_t first = find(range.begin);
  // It may end just where the range begins.
  if (first < ranges_.size() && ranges_[first].end == range.begin) ++first;
  std::size_t last = first;             // one past the ranges that overlap
  std::array<SequenceRange, 2> rest{};  // of the first and the last range
  std::size_t rests = 0;
  ranges_.reserve(ranges_.size() + 1);  // whatever throws does so before anything has changed
  for (; last < ranges_.size() && ranges_[last].begin < range.end; ++last) {
    const SequenceRange& held = ranges_[last];
    if (held.begin < range.begin) rest[rests++] = {held.begin, range.begin};
    if (range.end < held.end) rest[rests++] = {range.end, held.end};
    size_ -= std::min(held.end, range.end) - std::max(held.begin, range.begin);
  }
  const auto from = ranges_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto to = ranges_.begin() + static_cast<std::ptrdiff_t>(last);
  ranges_.insert(ranges_.erase(from, to), rest.begin(), rest.begin() + rests);
  recent_ = std::min(recent_, ranges_.size());
}

bool SequenceSet::contains(std::uint64_t sequence) const {
  const auto found = std::upper_bound(
      ranges_.begin(), ranges_.end(), sequence,
      [](std::uint64_t value, const SequenceRange& range) { return value < range.end; });
  return found != ranges_.end() && found->begin <= sequence;
}

SequenceSet SequenceSet::without(const SequenceSet& other) const {
  SequenceSet rest;
  auto theirs = other.ranges_.begin();
  for (const SequenceRange& mine : ranges_) {
    std::uint64_t begin = mine.begin;
    while (theirs != other.ranges_.end() && theirs->end <= begin) ++theirs;
    for (auto at = theirs; at != other.ranges_.end() && at->begin < mine.end; ++at) {
      if (begin < at->begin) rest.insert({begin, at->begin});
      begin = at->end;
    }
    if (begin < mine.end) rest.insert({begin, mine.end});
  }
  return rest;
}

std::uint64_t SequenceSet::count_missing_from(const SequenceSet& other) const {
  std::uint64_t shared = 0;
  auto theirs = other.ranges_.begin();
  for (const SequenceRange& mine : ranges_) {
    while (theirs != other.ranges_.end() && theirs->end <= mine.begin) ++theirs;
    for (auto at = theirs; at != other.ranges_.end() && at->begin < mine.end; ++at) {
      shared += std::min(mine.end, at->end) - std::max(mine.begin, at->begin);
    }
  }
  return size_ - shared;
}

}  // namespace loadgen
