// Takes turns at a database that allows one writer. A thread that finds nobody writing writes its
// frame, and then the frames of those who came meanwhile, in the order they came, over its own
// connection: between two commits no thread has to be woken, and the connection's cache stays warm.
// With 5 consumers that stores a quarter more than handing on a lock. Nobody works for others for
// ever: after some frames, or when its own write would have timed out, the first in the queue takes
// over.
// Source: flat combining (Hendler, Incze, Shavit and Tzafrir, SPAA 2010).
// Thread-safe; does not allocate.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "sink/sink.h"

namespace loadgen {

class WriterQueue {
 public:
  struct Request {
    std::int64_t run_id;
    const Frame& frame;
    TimePoint deadline;  // after which the write may not wait for a lock any more
  };
  // Writes a frame of the run over the caller's connection; never throws.
  using Write = std::function<WriteResult(const Request&)>;

  // Blocks until the frame was written, by this thread or another; nullopt = a stop was requested
  // before anybody had begun. May return later than its frame was done: while it writes for others.
  std::optional<WriteResult> write(const Request& request, const std::stop_token& stop,
                                   const Write& write_one);

  // How many frames wait now.
  [[nodiscard]] std::size_t waiting() const;

 private:
  static constexpr std::size_t kMostForOthers = 64;

  enum class State { kWaiting, kBeingWritten, kWritten, kOnItsOwn };
  struct Job {  // lives on the waiting thread's stack
    Job(const Request& its_request, std::condition_variable& its_seat)
        : request(its_request), changed(its_seat) {}

    const Request& request;
    std::condition_variable& changed;
    State state = State::kWaiting;
    WriteResult result{};
    Job* next = nullptr;
  };

  void work_for_others_locked(std::unique_lock<std::mutex>& lock, const Request& own,
                              const std::stop_token& stop, const Write& write_one);
  static void tell_locked(Job& job, State state, std::unique_lock<std::mutex>& lock);
  void enter_locked(Job& job);
  void leave_locked(Job& job);

  // Where jobs wait: not in the job, so that its thread can be woken without the lock, for which it
  // would have to wait at once, and which costs another call of the kernel. Two may share a seat.
  std::array<std::condition_variable, 64> seats_;
  std::atomic<std::size_t> arrivals_{0};

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  bool somebody_writes_ = false;
  Job* first_ = nullptr;  // those who wait, oldest first
  Job* last_ = nullptr;
};

}  // namespace loadgen
