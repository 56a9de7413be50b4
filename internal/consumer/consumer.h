// The body of a consumer thread: messages from the channel become frames, frames are delivered, and
// what became of each message is counted and timed.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "channel/channel.h"
#include "delivery/courier.h"
#include "model/sequence_set.h"
#include "stats/latency_recorder.h"
#include "stats/live_counters.h"

namespace loadgen {

// When a frame is closed.
struct FrameLimits {
  std::uint32_t batch_size;  // most messages
  nanoseconds linger;        // longest a non-empty batch waits to fill; 0 = not at all
};

// What all consumers share. Borrowed; must outlive the threads.
struct ConsumerContext {
  Channel& channel;
  Clock& clock;
  SharedSequenceSet& acknowledged;  // every sequence whose commit was confirmed
  LiveCounters& live;
  FrameLimits limits;
  std::stop_token give_up;                             // no further frame is begun
  std::function<void(const WriteResult&)> on_failure;  // nothing more will be stored; thread-safe
  // These were not stored, and the channel does not keep them; thread-safe.
  std::function<void(std::span<const Message>)> on_unsent;
};

struct ConsumerTotals {
  Delivered delivered;
  // Frames that were stored, if only in part, by what closed them.
  std::uint64_t frames_full = 0;
  std::uint64_t frames_linger = 0;
  std::uint64_t frames_drain = 0;
  nanoseconds writing{0};  // time spent delivering
  TimePoint last_commit;   // of the last stored frame

  ConsumerTotals& operator+=(const ConsumerTotals& other);
};

// Runs until the channel is finished, delivery has failed, or it is told to give up. Blocks.
// Allocates at the beginning and while buffers grow to the size of a frame. `recorder` may be null:
// then nothing is timed.
ConsumerTotals consume(const ConsumerContext& context, Courier& courier, LatencyRecorder* recorder);

}  // namespace loadgen
