#include "producer/producer_account.h"

#include <utility>

namespace loadgen {

ProducerAccount::ProducerAccount(std::size_t most_tickets, SharedSequenceSet& produced)
    : produced_(produced), slots_(most_tickets) {}

bool ProducerAccount::take(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  const SequenceRange sequences{slots_.front().sequence, slots_.front().sequence + count};
  produced_.insert({&sequences, 1});
  meter_.record([&](SampleCounts& sample) { sample.produced += count; });
  begin_ = 0;
  end_ = count;
  pushing_ = false;
  return true;
}

bool ProducerAccount::begin_push() {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  pushing_ = true;
  return true;
}

bool ProducerAccount::pushed(const PushResult& result) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  if (result.dropped > 0) {
    meter_.record([&](SampleCounts& sample) { sample.ends[Fate::kDropped] += result.dropped; });
  }
  pushing_ = false;
  begin_ = result.status == PushStatus::kDone ? end_ : result.accepted;
  return true;
}

bool ProducerAccount::kept_all_but(std::span<const LostMessages> lost) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  meter_.record([&](SampleCounts& sample) {
    for (const LostMessages& part : lost) sample.ends[part.fate] += part.messages.size();
  });
  begin_ = end_;
  return true;
}

ProducerAccount::Closed ProducerAccount::close() {
  const std::lock_guard lock(mutex_);
  Closed result;
  if (std::exchange(closed_, true)) return result;
  auto& rest = pushing_ ? result.in_doubt : result.unsent;
  const auto held = std::span<const Ticket>(slots_).subspan(begin_, end_ - begin_);
  rest.assign(held.begin(), held.end());
  return result;
}

}  // namespace loadgen
