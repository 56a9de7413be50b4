// The body of a consumer thread: messages from the channel become frames, frames are delivered, and
// the fate of each message is counted and timed.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "channel/channel.h"
#include "consumer/consumer_account.h"
#include "delivery/courier.h"
#include "delivery/unsent_box.h"
#include "spool/custody.h"

namespace loadgen {

// When a frame is closed.
struct FrameLimits {
  std::uint32_t batch_size;  // most messages
  nanoseconds linger;        // longest a non-empty batch waits to fill; 0 = not at all
  // Messages that are later than this when their batch is closed are dropped.
  std::optional<nanoseconds> max_lag = std::nullopt;
};

// What all consumers of a lane use. Borrowed; must outlive the threads.
struct ConsumerTools {
  Channel& channel;
  Custody& custody;
  Clock& clock;
  FrameLimits limits;
  UnsentBox& unsent;
  std::stop_token give_up;  // no further frame is begun
};

// Runs until the channel is finished, delivery fails for good, give_up or `retire` is requested, or
// the account is closed. After a request to retire it still writes the frame it has begun. Returns
// why nothing more can be stored, if delivery failed. Blocks. Allocates while buffers grow to the
// size of a frame. May throw, for example without memory; the account then still has what was in
// hand.
std::optional<WriteResult> consume(const ConsumerTools& tools, Courier& courier,
                                   ConsumerAccount& account, const std::stop_token& retire);

}  // namespace loadgen
