#include "consumer/consumer.h"

#include <algorithm>
#include <optional>
#include <span>

namespace loadgen {
namespace {

struct Batch {
  std::span<Message> messages;
  BatchEnd closed_by = BatchEnd::kFull;
};

// Collects the next batch in the front of the account's slots; empty = there is none.
Batch collect(const ConsumerTools& tools, ConsumerAccount& account, const std::stop_token& retire) {
  Channel& channel = tools.channel;
  const std::span<Message> slots = account.slots();
  std::size_t count = channel.pop(slots, std::nullopt, retire);
  const TimePoint first_taken = tools.clock.now();
  for (std::size_t i = 0; i < count; ++i) slots[i].taken = first_taken;
  if (count == 0 || !account.hold(count)) return {};
  if (tools.limits.linger.count() > 0) {
    const TimePoint deadline = first_taken + tools.limits.linger;
    for (TimePoint now = first_taken; count < slots.size() && now < deadline;) {
      const std::size_t more = channel.pop(slots.subspan(count), deadline, retire);
      // This consumer was ready when they came, or since it began to wait; from then on they wait
      // for the batch, not for a consumer.
      for (std::size_t i = count; i < count + more; ++i) {
        slots[i].taken = std::max(slots[i].created, now);
      }
      count += more;
      if (!account.hold(count)) return {};
      if (retire.stop_requested() || (more == 0 && channel.finished())) break;
      now = tools.clock.now();
    }
  }
  BatchEnd closed_by = BatchEnd::kFull;
  if (count < slots.size()) closed_by = channel.finished() ? BatchEnd::kDrain : BatchEnd::kLinger;
  return {slots.first(count), closed_by};
}

// Receives the fates of a frame's messages from the courier.
DeliveryEvents events_for(const ConsumerTools& tools, const Courier& courier,
                          ConsumerAccount& account) {
  using Messages = DeliveryEvents::Messages;
  DeliveryEvents events;
  events.on_begin = [&](Messages piece) -> std::optional<WriteError> {
    if (!tools.custody.fix(piece)) {
      return WriteError{
          .code = "spool", .message = tools.custody.problem(), .error_class = ErrorClass::kFatal};
    }
    if (account.begin_piece(piece)) return std::nullopt;
    return WriteError{.code = "closed",
                      .message = "the run has ended without this consumer",
                      .error_class = ErrorClass::kFatal};
  };
  events.on_stored = [&](Messages messages, TimePoint end) {
    if (!account.stored(messages, end, courier.held_back())) return;
    tools.custody.settle(messages, Fate::kStored);
  };
  events.on_dead = [&](Messages messages) {
    if (account.dead_lettered(messages)) tools.custody.settle(messages, Fate::kDeadLettered);
  };
  events.on_unstored = [&](Messages messages, Fate fate) {
    const auto all_lost = tools.custody.keep(messages);
    bool counted = false;
    for (const LostMessages& lost : all_lost) {
      counted =
          account.unstored(lost.messages, lost.fate == Fate::kInDoubt ? Fate::kInDoubt : fate);
      if (counted && fate == Fate::kUnsent) tools.unsent.add(lost);
    }
    // The whole frame, even if the spool has a part of it, because the ledger knows only whole
    // frames.
    if (counted && fate == Fate::kInDoubt) tools.unsent.add_in_doubt(messages);
    account.kept(messages);  // those that are not lost
    return true;
  };
  return events;
}

// Drops messages that are too late and returns the rest of the batch. Call it before the batch
// becomes a frame, because a frame that was tried may be stored already.
std::optional<std::span<Message>> drop_late(const ConsumerTools& tools, ConsumerAccount& account,
                                            std::span<Message> messages) {
  if (!tools.limits.max_lag) return messages;
  const auto late = account.drop_late(tools.clock.now() - *tools.limits.max_lag);
  if (!late) return std::nullopt;
  if (*late > 0) tools.custody.settle(messages.first(*late), Fate::kDropped);
  return messages.subspan(*late);
}

}  // namespace

std::optional<WriteResult> consume(const ConsumerTools& tools, Courier& courier,
                                   ConsumerAccount& account, const std::stop_token& retire) {
  const DeliveryEvents events = events_for(tools, courier, account);
  while (!tools.give_up.stop_requested() && !retire.stop_requested()) {
    const Batch batch = collect(tools, account, retire);
    if (batch.messages.empty()) break;
    const auto frame = drop_late(tools, account, batch.messages);
    if (frame && frame->empty()) continue;
    if (!frame || !account.begin_write(tools.clock.now())) break;
    const Delivered delivered = courier.deliver({*frame}, events);
    if (!account.finish(delivered, batch.closed_by, tools.clock.now())) break;
    if (delivered.failure) return delivered.failure;
  }
  return std::nullopt;
}

}  // namespace loadgen
