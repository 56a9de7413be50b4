#include "channel/make_channel.h"

#include <utility>

#include "channel/durable_channel.h"
#include "channel/memory_channel.h"
#include "channel/spill_channel.h"

namespace loadgen {

std::unique_ptr<Channel> make_channel(ChannelNeeds needs) {
  if (needs.custody.spool() == nullptr) {
    return std::make_unique<MemoryChannel>(needs.capacity, needs.on_full, needs.clock);
  }
  if (needs.on_full == OnFull::kSpill) {
    return std::make_unique<SpillChannel>(needs.capacity, needs.clock, needs.custody,
                                          std::move(needs.target_is_down));
  }
  return std::make_unique<DurableChannel>(needs.capacity, needs.on_full, needs.clock,
                                          needs.custody);
}

}  // namespace loadgen
