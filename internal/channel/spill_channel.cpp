#include "channel/spill_channel.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace loadgen {
namespace {

constexpr std::uint64_t kMostRead = 512;  // messages at a time, into the ring

}  // namespace

SpillChannel::SpillChannel(std::size_t capacity, Clock& clock, Custody& custody,
                           std::function<bool()> target_is_down)
    : clock_(clock),
      custody_(custody),
      target_is_down_(std::move(target_is_down)),
      ring_(capacity, OnFull::kAbort, clock),
      waiting_(clock.now()) {}

PushResult SpillChannel::push(std::span<Message> batch) {
  PushResult result;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return {.status = PushStatus::kClosed};
    if (broken_) return {.status = PushStatus::kBroken};
    if (waiting_.depth() == 0 && !target_is_down_()) {
      result.accepted = ring_.push(batch).accepted;
      depth_max_ = std::max(depth_max_, ring_.stats().depth);
      if (result.accepted == batch.size()) return result;
    }
  }
  batch = batch.subspan(result.accepted);
  const SpoolStatus status = custody_.append(batch, Spool::WhenFull::kBlock);
  const std::lock_guard lock(mutex_);
  switch (status) {
    case SpoolStatus::kSafe:
      break;
    case SpoolStatus::kFull:  // and appends do not wait for room any more
      result.status = PushStatus::kClosed;
      return result;
    case SpoolStatus::kFailed:
      result.status = PushStatus::kBroken;
      return result;
  }
  if (closed_) {  // closed meanwhile; the messages are kept in the spool
    result.status = PushStatus::kClosed;
    return result;
  }
  result.accepted += batch.size();
  for (const SequenceRange& range : ranges_of(batch)) backlog_.push_back(range);
  waiting_.set(waiting_.depth() + batch.size(), clock_.now());
  refill_locked();
  depth_max_ = std::max(depth_max_, ring_.stats().depth + waiting_.depth());
  return result;
}

std::size_t SpillChannel::pop(std::span<Message> out, std::optional<TimePoint> deadline,
                              const std::stop_token& stop) {
  const std::size_t count = ring_.pop(out, deadline, stop);
  const std::lock_guard lock(mutex_);
  if (waiting_.depth() > 0) refill_locked();
  return count;
}

// Afterwards the ring is full or nothing waits on disk, so a pop that finds the ring empty may wait
// for a push.
void SpillChannel::refill_locked() {
  try {
    while (waiting_.depth() > 0) {
      SequenceRange& oldest = backlog_.front();
      const std::uint64_t count =
          std::min({std::uint64_t{ring_.room()}, oldest.end - oldest.begin, kMostRead});
      if (count == 0) return;
      auto batch = custody_.spool()->read([&](SpoolStore& store) {
        return store.read(custody_.run(), {oldest.begin, oldest.begin + count}, count);
      });
      if (batch.messages.size() != count) {
        throw SetupError("--spool=" + custody_.spool()->directory() +
                         ": messages in it are damaged");
      }
      if (ring_.push(batch.messages).accepted != count) return;  // left for a later run
      waiting_.set(waiting_.depth() - count, clock_.now());
      oldest.begin += count;
      if (oldest.begin == oldest.end) backlog_.pop_front();
    }
    if (closed_) ring_.close();
  } catch (const SetupError& error) {
    broken_ = true;
    custody_.note_problem(error.what());
    ring_.close();  // pops must not wait for messages that never come
  }
}

void SpillChannel::close() {
  custody_.spool()->stop_waiting();
  const std::lock_guard lock(mutex_);
  closed_ = true;
  if (waiting_.depth() == 0) ring_.close();
}

ChannelStats SpillChannel::stats() const {
  ChannelStats stats = ring_.stats();
  const std::lock_guard lock(mutex_);
  stats.depth += waiting_.depth();
  stats.depth_max = std::max(stats.depth_max, depth_max_);
  stats.depth_mean += waiting_.mean(clock_.now());
  stats.blocked += custody_.spool()->blocked();
  return stats;
}

void SpillChannel::abandon() {
  close();
  const std::lock_guard lock(mutex_);
  backlog_.clear();
  waiting_.set(0, clock_.now());
  ring_.close();
}

}  // namespace loadgen
