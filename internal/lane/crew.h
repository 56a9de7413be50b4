// Workers that come and go. Each has a thread and what it owns (an account, a connection).
// Thread-safe. A crew may have zero workers.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "lane/ending.h"

namespace loadgen {

// `make` and `over` run under the crew's lock, and so does `fold` if a thread cannot be started:
// they must not use the crew.
template <typename Worker>
struct CrewRules {
  // Makes the worker with this number: 0, 1, 2, ...
  std::function<std::unique_ptr<Worker>(std::uint32_t number)> make;
  // Runs on the worker's thread until nothing is left to do or `retire` is requested. May not
  // throw.
  std::function<void(Worker&, const std::stop_token& retire)> work;
  // Takes over what a worker has counted, once its work has ended. May not throw.
  std::function<void(Worker&)> fold;
  // True when no worker, however many there are, has anything left to do.
  std::function<bool()> over;
};

template <typename Worker>
class Crew {
 public:
  // Borrows the clock and the ending.
  Crew(Clock& clock, const Ending& ending, CrewRules<Worker> rules)
      : clock_(clock), ending_(ending), rules_(std::move(rules)) {}
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  // Blocks until all workers are done; they must have been told to end.
  ~Crew() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return working_ == 0; });
  }

  // Adds a worker that has no thread yet. Throws what `make` throws.
  Worker& hire() {
    const std::lock_guard lock(mutex_);
    return hire_locked();
  }

  // Starts a thread for each worker that has none. Throws as std::jthread does.
  void start() {
    const std::lock_guard lock(mutex_);
    start_locked();
  }

  // Sets the number of workers. New ones begin at once. Surplus ones retire, the newest first: each
  // finishes what it has in hand, and resize() does not wait for that. Does nothing once wait() has
  // returned true. Throws what making a worker or starting its thread throws; the workers started
  // until then stay.
  void resize(std::size_t count) {
    const std::lock_guard lock(mutex_);
    // Their threads have ended, or do not need this lock any more.
    std::erase_if(gone_, [](const auto& member) { return member->done; });
    if (over_) return;
    for (auto member = members_.rbegin(); member != members_.rend() && active_locked() > count;
         ++member) {
      if (!(*member)->retiring) retire_locked(**member);
    }
    while (active_locked() < count) {
      Worker& worker = hire_locked();
      try {
        start_locked();
      } catch (...) {
        rules_.fold(worker);
        members_.pop_back();
        throw;
      }
    }
  }

  // Returns true once all workers are done and nothing is left to do, false once the ending's
  // deadline has come. After true, no worker can be added.
  bool wait() {
    const auto wake = [this] {
      { const std::lock_guard lock(mutex_); }  // wait() has not checked yet, or waits already
      changed_.notify_all();
    };
    const std::stop_callback on_draining(ending_.token(Phase::kDraining), wake);
    const std::stop_callback on_giving_up(ending_.token(Phase::kGivingUp), wake);
    const std::stop_callback on_interrupting(ending_.token(Phase::kInterrupting), wake);
    std::unique_lock lock(mutex_);
    while (working_ > 0 || !(finished_ || rules_.over())) {
      const TimePoint now = clock_.now();
      const std::optional<TimePoint> deadline = ending_.deadline();
      if (deadline && now >= *deadline) return false;
      // Without a worker, nothing else notices that the schedule is over.
      const std::optional<TimePoint> end = ending_.production_ends();
      const std::optional<TimePoint> wake_at = end && *end > now ? end : deadline;
      if (wake_at) {
        clock_.wait_until(changed_, lock, *wake_at);
      } else {
        changed_.wait(lock);
      }
    }
    over_ = true;
    return true;
  }

  // Joins all threads. Call it after wait() has returned true.
  void join() {
    const std::lock_guard lock(mutex_);
    gone_.clear();
    for (const auto& member : members_) member->thread = {};
  }

  // How many workers there are, done or not, without retired ones.
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return members_.size();
  }

  // Returns how many workers are not done. If none is, the crew is over as after wait().
  [[nodiscard]] std::size_t stop_waiting() {
    const std::lock_guard lock(mutex_);
    over_ = working_ == 0;
    return working_;
  }

  // How many workers are not done.
  [[nodiscard]] std::size_t working() const {
    const std::lock_guard lock(mutex_);
    return working_;
  }

  // Calls visit(Worker&) for each worker, under the crew's lock, so none is destroyed meanwhile.
  template <typename Visit>
  void for_each(Visit visit) {
    const std::lock_guard lock(mutex_);
    for (const auto& member : members_) visit(*member->worker);
  }

 private:
  struct Member {
    std::unique_ptr<Worker> worker;
    bool retiring = false;
    bool done = false;
    std::jthread thread;
  };

  Worker& hire_locked() {
    // Whatever throws does so before the worker is made, or known to anybody.
    members_.reserve(members_.size() + 1);
    gone_.reserve(gone_.size() + members_.size() + 1);
    auto member = std::make_unique<Member>();
    member->worker = rules_.make(next_number_);
    ++next_number_;
    return *members_.emplace_back(std::move(member))->worker;
  }

  void start_locked() {
    for (const auto& member : members_) {
      if (member->thread.joinable()) continue;
      ++working_;
      try {
        member->thread = std::jthread([this, self = member.get()](const std::stop_token& retire) {
          rules_.work(*self->worker, retire);
          end(*self);
        });
      } catch (...) {
        --working_;
        throw;
      }
    }
  }

  void retire_locked(Member& member) {
    member.retiring = true;
    member.thread.request_stop();
  }

  [[nodiscard]] std::size_t active_locked() const {
    return static_cast<std::size_t>(std::count_if(
        members_.begin(), members_.end(), [](const auto& member) { return !member->retiring; }));
  }

  // The end of a worker's thread. A retiring worker is folded and then leaves the crew, so that
  // nothing else can reach it while its connection closes, which may take long.
  void end(Member& member) {
    if (is_retiring(member)) {
      rules_.fold(*member.worker);
      remove(member);
      member.worker.reset();
    }
    const std::lock_guard lock(mutex_);
    member.done = true;
    --working_;
    changed_.notify_all();
  }

  // False: the worker has found nothing left to do.
  bool is_retiring(const Member& member) {
    const std::lock_guard lock(mutex_);
    if (!member.retiring) finished_ = true;
    return member.retiring;
  }

  void remove(Member& member) {
    const std::lock_guard lock(mutex_);
    const auto self = std::find_if(members_.begin(), members_.end(),
                                   [&](const auto& other) { return other.get() == &member; });
    gone_.push_back(std::move(*self));  // resize() or join() joins its thread
    members_.erase(self);
  }

  // Constant after construction.
  Clock& clock_;
  const Ending& ending_;
  const CrewRules<Worker> rules_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::uint32_t next_number_ = 0;
  std::size_t working_ = 0;
  bool finished_ = false;  // a worker has found nothing left to do
  bool over_ = false;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::unique_ptr<Member>> gone_;  // retired
};

}  // namespace loadgen
