#include "channel/durable_channel.h"

namespace loadgen {

DurableChannel::DurableChannel(std::size_t capacity, OnFull policy, Clock& clock, Custody& custody)
    : policy_(policy),
      custody_(custody),
      memory_(capacity, policy, clock, [&custody](std::span<const Message> evicted) {
        custody.settle(evicted, Fate::kDropped);
      }) {}

PushResult DurableChannel::push(std::span<Message> batch) {
  if (closed_) return {.status = PushStatus::kClosed};
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
  PushResult pushed = memory_.push(batch);
  pushed.dropped += evicted;
  if (policy_ == OnFull::kDropNew && pushed.status == PushStatus::kDone) {
    custody_.settle(batch.subspan(pushed.accepted), Fate::kDropped);
  }
  // Other messages that were not accepted stay on disk, because their owner will want them kept.
  return pushed;
}

// With drop-old, a full spool drops messages that wait here, the oldest first. New ones are refused
// only when none is left here and consumers have the rest.
SpoolStatus DurableChannel::append(std::span<const Message> batch, std::size_t& evicted) {
  const auto when_full =
      policy_ == OnFull::kBlock ? Spool::WhenFull::kBlock : Spool::WhenFull::kRefuse;
  for (;;) {
    const SpoolStatus status = custody_.append(batch, when_full);
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
  custody_.spool()->stop_waiting();
  memory_.close();
}

ChannelStats DurableChannel::stats() const {
  ChannelStats stats = memory_.stats();
  stats.blocked += custody_.spool()->blocked();
  return stats;
}

}  // namespace loadgen
