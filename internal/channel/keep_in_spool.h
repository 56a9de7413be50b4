// What a channel that stands on a spool does with messages nobody can deliver any more.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "channel/channel.h"
#include "channel/spool.h"

namespace loadgen {

// Visits the messages in stretches for which `property` is the same: visit(stretch, property).
template <typename Property, typename Visit>
void for_each_stretch(std::span<const Message> messages, Property property, Visit visit) {
  while (!messages.empty()) {
    const auto value = std::invoke(property, messages.front());
    const auto end = std::find_if(messages.begin(), messages.end(), [&](const Message& message) {
      return std::invoke(property, message) != value;
    });
    const auto stretch = messages.first(static_cast<std::size_t>(end - messages.begin()));
    visit(stretch, value);
    messages = messages.subspan(stretch.size());
  }
}

// Those that are in memory alone.
std::size_t count_unspooled(std::span<const Message> messages);
std::vector<LostMessages> unspooled(std::span<const Message> messages);

// Puts the frame into the spool, as far as it is not there already, and adds the messages that came
// to `kept`. Returns those that are not surely there. Blocks for the disk.
std::vector<LostMessages> keep_in_spool(Spool& spool, const SpooledRun& run,
                                        std::span<const Message> frame,
                                        std::atomic<std::uint64_t>& kept);

}  // namespace loadgen
