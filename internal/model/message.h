// What travels from producer to database: a plain value, moved by swapping so that text buffers
// circulate and the steady state allocates nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"

namespace loadgen {

struct Message {
  std::uint64_t sequence = 0;  // 0, 1, 2, ... over the whole run
  std::uint32_t producer = 0;  // 0 .. producers - 1
  TimePoint due;               // when it should have been sent; latency counts from here
  TimePoint created;           // when a producer made it
  TimePoint taken;             // when a consumer took it for its batch
  std::string text;            // a pure function of (seed, sequence, producer)
};

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

// An ordered list of messages that is written in one transaction, or not at all: the unit of
// commit. Borrows the messages, which must outlive it and not change.
struct Frame {
  std::span<const Message> messages;  // at least one

  // Set if the frame was recorded with a first message that is lost now, or if its id comes from
  // elsewhere.
  std::optional<std::uint64_t> fixed_id{};

  // The sequence of its first message, which is in no other frame of the run.
  [[nodiscard]] std::uint64_t id() const { return fixed_id.value_or(messages.front().sequence); }
};

}  // namespace loadgen
