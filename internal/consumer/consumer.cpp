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
  using Messages = DeliveryEvents::Messages;
  DeliveryEvents events;
  events.on_begin = [&](Messages piece) -> std::optional<WriteError> {
    // The same messages, as their owner may change them.
    const auto first = static_cast<std::size_t>(piece.data() - slots.data());
    if (context.channel.fix(std::span(slots).subspan(first, piece.size()))) return std::nullopt;
    return WriteError{
        .code = "spool", .message = context.channel.problem(), .error_class = ErrorClass::kFatal};
  };
  events.on_stored = [&](Messages messages, TimePoint end) {
    totals.last_commit = end;
    ranges_of(messages, ranges);
    context.acknowledged.insert(ranges);
    context.live.stored.fetch_add(messages.size(), std::memory_order_relaxed);
    if (recorder != nullptr) recorder->record(messages, begin, end);
    context.channel.settle(messages, Settlement::kStored);
  };
  events.on_dead = [&](Messages messages) {
    context.channel.settle(messages, Settlement::kGivenUp);
  };
  events.on_left = [&](Messages messages, Left how) {
    if (context.channel.keep(messages)) return true;
    if (how == Left::kUnsent) context.on_unsent(messages);
    return false;
  };
  while (!context.give_up.stop_requested()) {
    const Batch batch = collect(context, slots);
    if (batch.messages.empty()) break;
    begin = context.clock.now();
    const Delivered delivered = courier.deliver({batch.messages}, events);
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
