#include "lane/leftovers.h"

#include <spdlog/spdlog.h>

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/redact.h"

namespace loadgen {

Leftovers::Leftovers(Custody& custody, UnsentBox& unsent, Threads threads)
    : custody_(custody), unsent_(unsent), threads_(threads) {}

void Leftovers::lose(const LostMessages& lost) {
  result_.ends[lost.fate] += lost.messages.size();
  unsent_.add(lost);
}

void Leftovers::add_unwritten(std::span<const Message> messages) {
  if (messages.empty()) return;
  const auto all_lost =
      threads_ == Threads::kStuck ? custody_.not_kept(messages) : custody_.keep(messages);
  for (const LostMessages& lost : all_lost) lose(lost);
}

void Leftovers::add_doubtful(std::span<const Message> messages) {
  lose({messages, Fate::kInDoubt});
}

void Leftovers::add_doubtful_frame(std::span<const Message> piece) {
  // Messages in the spool are there as the frame that was tried.
  const auto open = custody_.not_kept(piece);
  if (open.empty()) return;
  for (const LostMessages& part : open) result_.ends[Fate::kInDoubt] += part.messages.size();
  unsent_.add_in_doubt(piece);
}

void Leftovers::empty(Channel& channel) {
  channel.abandon();
  std::vector<Message> batch(1000);
  while (const std::size_t count = channel.pop(batch, std::nullopt, {})) {
    for (const LostMessages& lost : custody_.keep(std::span(batch).first(count))) lose(lost);
  }
}

Leftovers::Result Leftovers::finish(Channel& channel, const std::string& unsent_path) {
  empty(channel);
  if (may_use_spool()) custody_.spool()->flush();
  result_.ends[Fate::kSpooled] = custody_.kept();
  SequenceSet saved;
  if (custody_.spool() != nullptr && custody_.spool()->is_gone()) saved = save_from_gone_spool();
  if (const int error = unsent_.finish(); error != 0) {
    result_.unsent_problem = std::strerror(error);
    spdlog::error("--unsent={}: {}", one_line(unsent_path), result_.unsent_problem);
  } else if (!unsent_path.empty()) {
    // If the spool is found again, the messages must be in one place only.
    for (const SequenceRange& range : saved.ranges()) {
      custody_.spool()->settle(custody_.run(), range, SpoolEnd::kGivenUp);
    }
  }
  if (may_use_spool()) compare_with_spool();
  return std::move(result_);
}

// The spool was deleted, but this process still has its file open and is the last that can read it.
// Returns the sequences saved to the file for unsent messages, if there is one.
SequenceSet Leftovers::save_from_gone_spool() {
  SequenceSet saved;
  const std::uint64_t held = std::exchange(result_.ends[Fate::kSpooled], 0);
  std::uint64_t found = 0;
  try {
    if (threads_ == Threads::kJoined) {
      custody_.spool()->salvage(custody_.run(), [&](std::span<const Message> messages, bool tried) {
        found += messages.size();
        if (tried) {
          result_.ends[Fate::kInDoubt] += messages.size();
          unsent_.add_in_doubt(messages);
        } else {
          lose({messages});
        }
        for (const SequenceRange& range : ranges_of(messages)) saved.insert(range);
      });
    }
  } catch (const SetupError& error) {
    spdlog::error("{}", error.what());
  }
  if (found < held) {
    result_.ends[Fate::kUnsent] += held - found;
    spdlog::error("{} messages of the spool could not be read from it any more.", held - found);
  }
  return saved;
}

// If the spool does not hold what was counted, the run has failed.
void Leftovers::compare_with_spool() {
  std::string problem = custody_.problem();
  if (problem.empty()) {
    try {
      const auto on_disk = custody_.spool()->read(
          [&](SpoolStore& store) { return store.count(custody_.run().run_id); });
      result_.spool_agrees = on_disk == result_.ends[Fate::kSpooled];
    } catch (const SetupError& error) {
      problem = error.what();
    }
  }
  if (problem.empty() && result_.ends[Fate::kSpooled] == 0)
    custody_.spool()->forget_run(custody_.run());
  result_.spool_problem = std::move(problem);
}

}  // namespace loadgen
