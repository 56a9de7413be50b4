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
              [this](std::span<const Message> evicted) { settle(evicted, Settlement::kGivenUp); }) {
}

PushResult DurableChannel::push(std::span<Message> batch) {
  if (closed_) return {.status = PushStatus::kClosed};
  for (Message& message : batch) message.spooled = false;
  const auto when_full =
      policy_ == OnFull::kBlock ? Spool::WhenFull::kBlock : Spool::WhenFull::kRefuse;
  switch (spool_.append(run_, batch, when_full)) {
    case SpoolStatus::kSafe:
      break;
    case SpoolStatus::kFull:
      if (closed_) return {.status = PushStatus::kClosed};
      if (policy_ == OnFull::kAbort) return {.status = PushStatus::kFull};
      return {.dropped = batch.size()};
    case SpoolStatus::kFailed:
      return {.status = PushStatus::kBroken};
  }
  for (Message& message : batch) message.spooled = true;
  kept_ += batch.size();
  const PushResult pushed = memory_.push(batch);
  if (policy_ == OnFull::kDropNew && pushed.status == PushStatus::kDone) {
    settle(batch.subspan(pushed.accepted), Settlement::kGivenUp);
  }
  // What else was not accepted stays on disk: its owner will want it kept.
  return pushed;
}

std::size_t DurableChannel::pop(std::span<Message> out, std::optional<TimePoint> deadline) {
  return memory_.pop(out, deadline);
}

void DurableChannel::close() {
  closed_ = true;
  spool_.stop_waiting();
  memory_.close();
}

bool DurableChannel::fix(std::span<Message> frame) {
  return spool_.fix(run_, frame.front().sequence, frame) == SpoolStatus::kSafe;
}

void DurableChannel::settle(std::span<const Message> messages, Settlement how) {
  spool_.settle(run_, messages,
                how == Settlement::kStored ? SpoolEnd::kStored : SpoolEnd::kGivenUp);
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
