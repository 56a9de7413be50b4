#include "consumer/consumer_account.h"

#include <algorithm>
#include <utility>

namespace loadgen {

ConsumerAccount::ConsumerAccount(std::size_t batch_size, SharedSequenceSet& acknowledged,
                                 Timing timing)
    : acknowledged_(acknowledged), timing_(timing), slots_(batch_size) {}

bool ConsumerAccount::hold(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  held_ = count;
  return true;
}

std::optional<std::size_t> ConsumerAccount::drop_late(TimePoint oldest) {
  const std::lock_guard lock(mutex_);
  if (closed_) return std::nullopt;
  // From the end, because late messages are usually the first, and then nothing moves.
  std::size_t late = held_;
  for (std::size_t i = held_; i-- > 0;) {
    if (slots_[i].due < oldest) continue;
    if (--late != i) std::swap(slots_[i], slots_[late]);
  }
  if (late == 0) return 0;
  count(Fate::kDropped, late);
  if (late == held_) {
    held_ = 0;
  } else {
    note_end_locked(std::span<const Message>(slots_).first(late));
  }
  return late;
}

bool ConsumerAccount::begin_write(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  write_began_ = now;
  return true;
}

bool ConsumerAccount::begin_piece(Messages piece) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  piece_ = piece;
  return true;
}

// False: the account is closed and close() has returned these messages.
bool ConsumerAccount::note_end_locked(Messages messages) {
  if (closed_) return false;
  ranges_of(messages, ranges_);
  ended_.insert(ended_.end(), ranges_.begin(), ranges_.end());
  return true;
}

void ConsumerAccount::count(Fate fate, std::size_t messages) {
  meter_.record([&](Sample& sample) { sample.ends[fate] += messages; });
}

bool ConsumerAccount::stored(Messages messages, TimePoint end, nanoseconds held_back) {
  const std::lock_guard lock(mutex_);
  if (!note_end_locked(messages)) return false;
  last_commit_ = end;
  acknowledged_.insert(ranges_);
  meter_.record([&](Sample& sample) {
    sample.ends[Fate::kStored] += messages.size();
    sample.last_commit = end;
    if (timing_ == Timing::kOn) {
      sample.latency.record(messages, start_, write_began_, end, held_back);
    }
  });
  return true;
}

bool ConsumerAccount::dead_lettered(Messages messages) {
  const std::lock_guard lock(mutex_);
  if (!note_end_locked(messages)) return false;
  count(Fate::kDeadLettered, messages.size());
  return true;
}

bool ConsumerAccount::kept(Messages messages) {
  const std::lock_guard lock(mutex_);
  return note_end_locked(messages);
}

bool ConsumerAccount::unstored(Messages messages, Fate fate) {
  const std::lock_guard lock(mutex_);
  if (!note_end_locked(messages)) return false;
  count(fate, messages.size());
  return true;
}

bool ConsumerAccount::finish(const Delivered& delivered, BatchEnd end, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  const bool has_stored = delivered.ends[Fate::kStored] > 0;
  meter_.record([&](Sample& sample) {
    sample.retried_frames += delivered.retried_frames;
    sample.duplicates_suppressed += delivered.duplicates_suppressed;
    sample.resent += delivered.resent;
    sample.writing += (has_stored ? last_commit_ : now) - write_began_;
    if (has_stored) {
      sample.frames.full += end == BatchEnd::kFull ? 1 : 0;
      sample.frames.linger += end == BatchEnd::kLinger ? 1 : 0;
      sample.frames.drain += end == BatchEnd::kDrain ? 1 : 0;
    }
  });
  held_ = 0;
  piece_ = {};
  ended_.clear();
  return true;
}

ConsumerAccount::Closed ConsumerAccount::close() {
  const std::lock_guard lock(mutex_);
  Closed result;
  if (std::exchange(closed_, true)) return result;
  SequenceSet ended;
  for (const SequenceRange& range : ended_) ended.insert(range);
  const Message* const piece_end = piece_.data() + piece_.size();
  for (const Message& message : std::span<const Message>(slots_).first(held_)) {
    if (ended.contains(message.sequence)) continue;
    const bool in_piece = &message >= piece_.data() && &message < piece_end;
    (in_piece ? result.in_doubt : result.unsent).push_back(message);
  }
  return result;
}

}  // namespace loadgen
