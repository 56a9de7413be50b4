// Lets threads take turns at a database that allows one writer. A thread that finds no other
// writing writes its own frame, and then the frames that have queued meanwhile, in order, over its
// own connection. So no thread has to be woken between two commits, and the connection's cache
// stays warm. With 5 consumers that stores a quarter more rows than handing on a lock. No thread
// works for others for ever: after some frames, or when its own write would have timed out, the
// first thread in the queue takes over. Source: flat combining (Hendler, Incze, Shavit and Tzafrir,
// SPAA 2010). Thread-safe; does not allocate.
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
    TimePoint deadline;  // after this the write must not wait for a lock
  };
  // Writes a frame of the run over the caller's connection; never throws.
  using Write = std::function<WriteResult(const Request&)>;

  // Blocks until the frame is written, by this thread or another; nullopt = a stop was requested
  // before the write began. May return later than that, because it also writes the frames of
  // others.
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

  // Where jobs wait. The condition variables are not in the jobs, so that a thread can be woken
  // without the lock; otherwise it would wait for the lock at once, which costs another system
  // call. Two jobs may share a seat.
  std::array<std::condition_variable, 64> seats_;
  std::atomic<std::size_t> arrivals_{0};

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  bool somebody_writes_ = false;
  Job* first_ = nullptr;  // waiting jobs, oldest first
  Job* last_ = nullptr;
};

}  // namespace loadgen
