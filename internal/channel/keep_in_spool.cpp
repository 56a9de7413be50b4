#include "channel/keep_in_spool.h"

#include <algorithm>

namespace loadgen {

std::size_t count_unspooled(std::span<const Message> messages) {
  return static_cast<std::size_t>(std::count_if(
      messages.begin(), messages.end(), [](const Message& message) { return !message.spooled; }));
}

std::vector<LostMessages> unspooled(std::span<const Message> messages) {
  std::vector<LostMessages> found;
  for_each_stretch(messages, &Message::spooled, [&](auto stretch, bool spooled) {
    if (!spooled) found.push_back({stretch});
  });
  return found;
}

std::vector<LostMessages> keep_in_spool(Spool& spool, const SpooledRun& run,
                                        std::span<const Message> frame,
                                        std::atomic<std::uint64_t>& kept) {
  const std::size_t fresh = count_unspooled(frame);
  if (fresh == 0) return {};
  if (spool.keep(run, frame) == SpoolStatus::kSafe) {
    kept += fresh;
    return {};
  }
  // The spooled ones are as safe as before.
  const auto may_be_there = [&](const Message& message) { return spool.may_hold(message); };
  std::vector<LostMessages> lost;
  for (const LostMessages& part : unspooled(frame)) {
    for_each_stretch(part.messages, may_be_there, [&](auto stretch, bool perhaps) {
      lost.push_back({stretch, perhaps ? Fate::kInDoubt : Fate::kUnsent});
    });
  }
  return lost;
}

}  // namespace loadgen
