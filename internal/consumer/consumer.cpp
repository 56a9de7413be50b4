#include "consumer/consumer.h"

#include <algorithm>
#include <vector>

namespace loadgen {
namespace {

enum class Closed { kFull, kLinger, kDrain };

struct Batch {
  std::span<Message> messages;
  Closed closed_by = Closed::kFull;
};

// Collects the next batch in the front of `slots`; empty = the channel is finished.
Batch collect(const ConsumerContext& context, std::span<Message> slots) {
  Channel& channel = context.channel;
  std::size_t count = channel.pop(slots, std::nullopt);
  if (count == 0) return {};
  const TimePoint first_taken = context.clock.now();
  for (std::size_t i = 0; i < count; ++i) slots[i].taken = first_taken;
  if (context.limits.linger.count() > 0) {
    const TimePoint deadline = first_taken + context.limits.linger;
    for (TimePoint now = first_taken; count < slots.size() && now < deadline;) {
      const std::size_t more = channel.pop(slots.subspan(count), deadline);
      // This consumer has been there for them since they came, or since it began to wait: from then
      // on they wait for the batch, not for a consumer.
      for (std::size_t i = count; i < count + more; ++i) {
        slots[i].taken = std::max(slots[i].created, now);
      }
      count += more;
      if (more == 0 && channel.finished()) break;
      now = context.clock.now();
    }
  }
  Closed closed_by = Closed::kFull;
  if (count < slots.size()) closed_by = channel.finished() ? Closed::kDrain : Closed::kLinger;
  return {slots.first(count), closed_by};
}

void note_acknowledged(SharedSequenceSet& acknowledged, std::span<const Message> messages,
                       std::vector<SequenceRange>& ranges) {
  ranges.clear();
  for (const Message& message : messages) {
    if (!ranges.empty() && ranges.back().end == message.sequence) {
      ++ranges.back().end;
    } else {
      ranges.push_back({message.sequence, message.sequence + 1});
    }
  }
  acknowledged.insert(ranges);
}

}  // namespace

ConsumerTotals& ConsumerTotals::operator+=(const ConsumerTotals& other) {
  delivered += other.delivered;
  frames_full += other.frames_full;
  frames_linger += other.frames_linger;
  frames_drain += other.frames_drain;
  writing += other.writing;
  last_commit = std::max(last_commit, other.last_commit);
  return *this;
}

ConsumerTotals consume(const ConsumerContext& context, Courier& courier,
                       LatencyRecorder* recorder) {
  ConsumerTotals totals;
  std::vector<Message> slots(context.limits.batch_size);
  std::vector<SequenceRange> ranges;
  TimePoint begin;
  const Courier::OnStored on_stored = [&](std::span<const Message> messages, TimePoint end) {
    totals.last_commit = end;
    note_acknowledged(context.acknowledged, messages, ranges);
    context.live.stored.fetch_add(messages.size(), std::memory_order_relaxed);
    if (recorder != nullptr) recorder->record(messages, begin, end);
  };
  while (!context.give_up.stop_requested()) {
    const Batch batch = collect(context, slots);
    if (batch.messages.empty()) break;
    begin = context.clock.now();
    const Delivered delivered = courier.deliver({batch.messages}, on_stored);
    totals.writing += (delivered.stored > 0 ? totals.last_commit : context.clock.now()) - begin;
    totals.delivered += delivered;
    if (delivered.stored > 0) {
      totals.frames_full += batch.closed_by == Closed::kFull ? 1 : 0;
      totals.frames_linger += batch.closed_by == Closed::kLinger ? 1 : 0;
      totals.frames_drain += batch.closed_by == Closed::kDrain ? 1 : 0;
    }
    if (delivered.failure) {
      context.on_failure(*delivered.failure);
      break;
    }
  }
  return totals;
}

}  // namespace loadgen
