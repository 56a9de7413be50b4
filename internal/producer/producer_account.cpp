#include "producer/producer_account.h"

#include <utility>

namespace loadgen {

ProducerTotals& ProducerTotals::operator+=(const ProducerTotals& other) {
  produced += other.produced;
  dropped += other.dropped;
  unsent += other.unsent;
  in_doubt += other.in_doubt;
  return *this;
}

ProducerAccount::ProducerAccount(std::size_t most_tickets, SharedSequenceSet& produced)
    : produced_(produced), slots_(most_tickets) {}

bool ProducerAccount::take(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  const SequenceRange sequences{slots_.front().sequence, slots_.front().sequence + count};
  produced_.insert({&sequences, 1});
  totals_.produced += count;
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
  totals_.dropped += result.dropped;
  pushing_ = false;
  begin_ = result.status == PushStatus::kDone ? end_ : result.accepted;
  return true;
}

bool ProducerAccount::kept_all_but(std::span<const LostMessages> lost) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  for (const auto& [messages, how] : lost) {
    (how == Lost::kSurely ? totals_.unsent : totals_.in_doubt) += messages.size();
  }
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
  result.totals = totals_;
  return result;
}

}  // namespace loadgen
