#include "channel/durable_channel.h"

#include <utility>

#include "channel/keep_in_spool.h"

namespace loadgen {

DurableChannel::DurableChannel(std::size_t capacity, OnFull policy, Clock& clock, Spool& spool,
                               SpooledRun run)
    : policy_(policy),
      spool_(spool),
      run_(std::move(run)),
      memory_(capacity, policy, clock,
              [this](std::span<const Message> evicted) { settle(evicted, Fate::kDropped); }) {}

PushResult DurableChannel::push(std::span<Message> batch) {
  if (closed_) return {.status = PushStatus::kClosed};
  for (Message& message : batch) message.spooled = false;
  std::size_t evicted = 0;
  switch (append(batch, evicted)) {
    case SpoolStatus::kSafe:
      break;
    case SpoolStatus::kFull:
      if (closed_) return {.status = PushStatus::kClosed, .dropped = evicted};
      if (policy_ == OnFull::kAbort) return {.status = PushStatus::kFull};
      return {.dropped = evicted + batch.size()};
    case SpoolStatus::kFailed:
      return {.status = PushStatus::kBroken, .dropped = evicted};
  }
  for (Message& message : batch) message.spooled = true;
  kept_ += batch.size();
  PushResult pushed = memory_.push(batch);
  pushed.dropped += evicted;
  if (policy_ == OnFull::kDropNew && pushed.status == PushStatus::kDone) {
    settle(batch.subspan(pushed.accepted), Fate::kDropped);
  }
  // What else was not accepted stays on disk: its owner will want it kept.
  return pushed;
}

// Full for drop-old, the spool loses messages that wait here, the oldest first: the newest are
// refused only when none is left, and the rest is with the consumers.
SpoolStatus DurableChannel::append(std::span<const Message> batch, std::size_t& evicted) {
  const auto when_full =
      policy_ == OnFull::kBlock ? Spool::WhenFull::kBlock : Spool::WhenFull::kRefuse;
  for (;;) {
    const SpoolStatus status = spool_.append(run_, batch, when_full);
    if (status != SpoolStatus::kFull || policy_ != OnFull::kDropOld || closed_) return status;
    const std::size_t dropped = memory_.drop_oldest(batch.size());
    if (dropped == 0) return status;
    evicted += dropped;
  }
}

std::size_t DurableChannel::pop(std::span<Message> out, std::optional<TimePoint> deadline,
                                const std::stop_token& stop) {
  return memory_.pop(out, deadline, stop);
}

void DurableChannel::close() {
  closed_ = true;
  spool_.stop_waiting();
  memory_.close();
}

bool DurableChannel::fix(std::span<Message> frame) {
  return spool_.fix(run_, frame.front().sequence, frame) == SpoolStatus::kSafe;
}

void DurableChannel::settle(std::span<const Message> messages, Fate fate) {
  spool_.settle(run_, messages, spool_end(fate));
  kept_ -= messages.size();
}

// All that was pushed is on disk, as it was fixed. The others come from a push that failed.
std::vector<LostMessages> DurableChannel::keep(std::span<const Message> frame) {
  return keep_in_spool(spool_, run_, frame, kept_);
}

ChannelStats DurableChannel::stats() const {
  ChannelStats stats = memory_.stats();
  stats.blocked += spool_.blocked();
  return stats;
}

void DurableChannel::leave(const std::function<void(const LostMessages&)>& /*lost*/) { close(); }

}  // namespace loadgen
