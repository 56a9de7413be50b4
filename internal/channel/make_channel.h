// The one place that knows all kinds of channel.
#pragma once

#include <functional>
#include <memory>

#include "channel/channel.h"
#include "options/choices.h"
#include "spool/custody.h"

namespace loadgen {

struct ChannelNeeds {
  std::size_t capacity;  // in messages
  OnFull on_full;
  Clock& clock;
  Custody& custody;  // with a spool the channel stands on it; must outlive the channel
  std::function<bool()> target_is_down;  // must not block
};

std::unique_ptr<Channel> make_channel(ChannelNeeds needs);

}  // namespace loadgen
