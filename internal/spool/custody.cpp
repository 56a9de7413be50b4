#include "spool/custody.h"

namespace loadgen {

void Custody::add(std::span<const Message> messages) {
  const auto ranges = ranges_of(messages);
  const std::lock_guard lock(mutex_);
  for (const SequenceRange& range : ranges) kept_.insert(range);
}

SpoolStatus Custody::append(std::span<const Message> batch, Spool::WhenFull when_full) {
  const SpoolStatus status = spool_->append(run_, batch, when_full);
  if (status == SpoolStatus::kSafe) add(batch);
  return status;
}

void Custody::note_problem(std::string problem) {
  const std::lock_guard lock(mutex_);
  if (problem_.empty()) problem_ = std::move(problem);
}

bool Custody::fix(std::span<const Message> frame) {
  if (spool_ == nullptr) return true;
  const auto fresh = not_kept(frame);
  if (fresh.empty()) return spool_->fix(run_, frame.front().sequence, frame) == SpoolStatus::kSafe;
  // None of the frame is in the spool.
  if (fresh.size() == 1 && fresh.front().messages.size() == frame.size()) return true;
  return keep(frame).empty();
}

void Custody::settle(std::span<const Message> messages, Fate fate) {
  if (spool_ == nullptr) return;
  const std::lock_guard lock(mutex_);
  // A frame is in the spool whole or not at all; messages that are dropped before may be both.
  for_each_stretch(
      messages, [this](const Message& message) { return kept_.contains(message.sequence); },
      [&](auto stretch, bool is_kept) {
        if (!is_kept) return;
        for (const SequenceRange& range : ranges_of(stretch)) kept_.erase(range);
        spool_->settle(run_, stretch, spool_end(fate));
      });
}

std::vector<LostMessages> Custody::not_kept(std::span<const Message> messages) const {
  const std::lock_guard lock(mutex_);
  std::vector<LostMessages> found;
  for_each_stretch(
      messages, [this](const Message& message) { return kept_.contains(message.sequence); },
      [&](auto stretch, bool is_kept) {
        if (!is_kept) found.push_back({stretch});
      });
  return found;
}

std::vector<LostMessages> Custody::keep(std::span<const Message> frame) {
  std::vector<LostMessages> fresh = not_kept(frame);
  if (spool_ == nullptr || fresh.empty()) return fresh;
  std::uint64_t bytes = 0;
  for (const LostMessages& part : fresh) bytes += Spool::bytes_of(part.messages);
  if (spool_->keep(run_, frame, bytes) == SpoolStatus::kSafe) {
    add(frame);
    return {};
  }
  // Messages that were in the spool are as safe as before.
  const auto may_be_there = [&](const Message& message) { return spool_->may_hold(message); };
  std::vector<LostMessages> lost;
  for (const LostMessages& part : fresh) {
    for_each_stretch(part.messages, may_be_there, [&](auto stretch, bool perhaps) {
      lost.push_back({stretch, perhaps ? Fate::kInDoubt : Fate::kUnsent});
    });
  }
  return lost;
}

std::uint64_t Custody::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_.size();
}

std::string Custody::problem() const {
  {
    const std::lock_guard lock(mutex_);
    if (!problem_.empty()) return problem_;
  }
  return spool_ == nullptr ? std::string() : spool_->problem();
}

}  // namespace loadgen
