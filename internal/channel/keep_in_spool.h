// What a channel that stands on a spool does with messages nobody can deliver any more.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "channel/channel.h"
#include "channel/spool.h"

namespace loadgen {

// Those that are in memory alone.
std::size_t count_unspooled(std::span<const Message> messages);
std::vector<LostMessages> unspooled(std::span<const Message> messages);

// Puts the frame into the spool, as far as it is not there already, and adds the messages that came
// to `kept`. Returns those that are not surely there. Blocks for the disk.
std::vector<LostMessages> keep_in_spool(Spool& spool, const SpooledRun& run,
                                        std::span<const Message> frame,
                                        std::atomic<std::uint64_t>& kept);

}  // namespace loadgen
