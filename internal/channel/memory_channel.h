// The channel in memory: a ring of messages under one mutex with three conditions to wait for.
// Blocks as Channel says; allocates its ring at construction and nothing after. Memory of the ring
// is touched as it fills.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "channel/channel.h"
#include "channel/depth_gauge.h"
#include "options/choices.h"

namespace loadgen {

class MemoryChannel final : public Channel {
 public:
  // Called with messages that --on-full=drop-old drops, under the channel's lock: must not block.
  using OnEvicted = std::function<void(std::span<const Message>)>;

  // capacity: messages, at least 1. Borrows the clock. The policy must not be one that needs a
  // disk.
  MemoryChannel(std::size_t capacity, OnFull policy, Clock& clock, OnEvicted on_evicted = {});

  PushResult push(std::span<Message> batch) override;
  std::size_t pop(std::span<Message> out, std::optional<TimePoint> deadline,
                  const std::stop_token& stop) override;
  void close() override;
  [[nodiscard]] bool finished() const override;
  [[nodiscard]] ChannelStats stats() const override;

  // Drops the oldest messages, at most `most`, as --on-full=drop-old does. Returns how many.
  std::size_t drop_oldest(std::size_t most);
  // For how many messages there is room now.
  [[nodiscard]] std::size_t room() const;

 private:
  using Lock = std::unique_lock<std::mutex>;

  std::size_t put_locked(std::span<Message> batch);
  std::size_t take_locked(std::span<Message> out);
  void remove_locked(std::size_t count);
  std::size_t evict_locked(std::size_t count);
  bool wait_for_room(Lock& lock);
  bool wait_for_first(Lock& lock, const std::stop_token& stop);
  void wait_to_fill(Lock& lock, std::size_t want, TimePoint deadline, const std::stop_token& stop);
  [[nodiscard]] std::size_t room_locked() const { return capacity_ - size_; }
  // How many threads wait for each condition.
  struct Waiting {
    std::size_t for_room = 0;
    std::size_t for_first = 0;
    std::size_t to_fill = 0;
    std::size_t reserved = 0;  // messages that consumers with a begun batch still wait for
    std::size_t smallest_want = SIZE_MAX;  // the least that one of them waits for
  };
  // Which waiters to notify after unlocking.
  struct Wakeups {
    bool room = false;
    bool first = false;
    bool fill = false;
  };
  [[nodiscard]] Wakeups after_push_locked();
  void notify(Wakeups wakeups);

  // Constant after construction.
  const OnFull policy_;
  Clock& clock_;
  const OnEvicted on_evicted_;
  const std::size_t capacity_;

  mutable std::mutex mutex_;
  std::condition_variable room_;   // pushers: there may be room
  std::condition_variable first_;  // poppers without a batch: there may be a message for them
  std::condition_variable fill_;   // poppers with a begun batch: it may be filled
  // Guarded by mutex_.
  std::vector<Message> ring_;  // slots used so far; never grows beyond its reservation
  std::size_t head_ = 0;       // index of the oldest message
  std::size_t size_ = 0;
  bool closed_ = false;
  Waiting waiting_;
  DepthGauge depth_;
  nanoseconds blocked_{0};
};

}  // namespace loadgen
