// The one place that knows all kinds of channel.
#pragma once

#include <functional>
#include <memory>

#include "channel/channel.h"
#include "channel/spool.h"
#include "options/choices.h"

namespace loadgen {

struct ChannelNeeds {
  std::size_t capacity;  // in messages
  OnFull on_full;
  Clock& clock;
  Spool* spool;  // nullptr = none; must outlive the channel
  SpooledRun run;
  std::function<bool()> target_is_down;  // must not block
};

std::unique_ptr<Channel> make_channel(ChannelNeeds needs);

}  // namespace loadgen
