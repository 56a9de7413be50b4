// Makes a channel. The only place that knows all kinds.
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
  Custody& custody;  // the channel uses its spool, if any; must outlive the channel
  std::function<bool()> target_is_down;  // must not block
};

std::unique_ptr<Channel> make_channel(ChannelNeeds needs);

}  // namespace loadgen
