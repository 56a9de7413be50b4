// The contract of the bounded first-in-first-out channel between producers and consumers. Every
// kind passes tests/channel_test.cpp. Thread-safe for any number of pushers and poppers.
//
// Messages move in batches and by swapping: push leaves used messages of the channel in the
// caller's batch, and pop leaves used messages of the caller in the channel. So text buffers
// circulate and the steady state allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>

#include "base/clock.h"
#include "model/message.h"

namespace loadgen {

enum class PushStatus {
  kDone,    // all of the batch is accounted for: accepted or dropped
  kClosed,  // the channel was closed before all was accepted
  kFull,    // full under --on-full=abort
  kBroken,  // the channel's disk has failed: see Custody::problem()
};

struct [[nodiscard]] PushResult {
  PushStatus status = PushStatus::kDone;
  std::size_t accepted = 0;  // messages of this batch now in the channel, a prefix of it
  std::size_t dropped = 0;   // lost to the policy: the newest of this batch, or the oldest waiting
};

struct ChannelStats {
  std::uint64_t capacity = 0;
  std::uint64_t depth = 0;  // now
  std::uint64_t depth_max = 0;
  double depth_mean = 0;   // over time, since construction
  nanoseconds blocked{0};  // summed over all pushers
};

class Channel {
 public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel() = default;

  // Moves the batch into the channel, in order, waiting or dropping as the channel's policy says.
  // Messages that are not accepted stay with the caller, unchanged. Fails at once after close().
  virtual PushResult push(std::span<Message> batch) = 0;

  // Fills the front of `out` and returns how many messages; 0 = nothing came (see below), or the
  // channel is closed and empty. Without a deadline: waits for a first message, then takes what is
  // there; on a stop request takes nothing. With a deadline: waits until `out` can be filled, the
  // channel is full, the deadline has come or a stop is requested, then takes what is there. A
  // consumer with a deadline has begun a batch: the messages it waits for are kept from consumers
  // that have not, so batches fill one by one instead of all at the same time.
  virtual std::size_t pop(std::span<Message> out, std::optional<TimePoint> deadline,
                          const std::stop_token& stop) = 0;

  // Final. Pushes fail at once; pops get what is left. Idempotent.
  virtual void close() = 0;
  // Closes the channel; pops get only what is in memory. Idempotent.
  virtual void abandon() { close(); }

  // True when closed and empty: no pop will ever return a message again.
  [[nodiscard]] virtual bool finished() const = 0;

  [[nodiscard]] virtual ChannelStats stats() const = 0;
};

}  // namespace loadgen
