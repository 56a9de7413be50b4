// Workers that come and go: a thread each, and what the worker owns beside it (an account, a
// connection). Thread-safe. Zero workers is a number like any other.
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

// None of these may use the crew, but for `work` and `fold` from the worker's own thread.
template <typename Worker>
struct CrewRules {
  // Makes the worker with this number: 0, 1, 2, ...
  std::function<std::unique_ptr<Worker>(std::uint32_t number)> make;
  // What its thread does until there is nothing left to do or it is to retire. May not throw.
  std::function<void(Worker&, const std::stop_token& retire)> work;
  // Takes over what a worker that has retired leaves: nobody else sees the worker any more.
  std::function<void(Worker&)> fold;
  // There is nothing left to do for any worker, however many there are.
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
  // Blocks until all workers are done: somebody has told them to end.
  ~Crew() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return working_ == 0; });
  }

  // Adds a worker that has no thread yet. What making it throws is passed on.
  Worker& hire() {
    const std::lock_guard lock(mutex_);
    return hire_locked();
  }

  // Starts a thread for each worker that has none. Throws as std::jthread does.
  void start() {
    const std::lock_guard lock(mutex_);
    start_locked();
  }

  // From now on so many are at work. New ones begin at once. Those that are too many retire, the
  // newest first: each finishes what it has in hand, which may take as long as that takes, and this
  // does not wait for it. Nothing happens once the crew is over. Throws as making a worker and
  // starting its thread do; the crew then has those it could get.
  void resize(std::size_t count) {
    const std::lock_guard lock(mutex_);
    // Their threads are over, or need this lock no more.
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

  // Blocks until all workers are done and there is nothing left to do (true), or the ending's
  // deadline has come (false). After true there are no new ones.
  bool wait() {
    const auto wake = [this] {
      { const std::lock_guard lock(mutex_); }  // who waits is before its check, or waits already
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
      // Where nobody is at work, nobody notices that the schedule is over.
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

  // Once wait() has returned true: the threads are over, too.
  void join() {
    const std::lock_guard lock(mutex_);
    gone_.clear();
    for (const auto& member : members_) member->thread = {};
  }

  // How many workers there are, done or not; those that have retired do not count.
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return members_.size();
  }

  // How many threads are not done.
  [[nodiscard]] std::size_t working() const {
    const std::lock_guard lock(mutex_);
    return working_;
  }

  // Calls visit(Worker&) for each, under the crew's lock: none of them is destroyed meanwhile.
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

  // The end of a worker's thread. One that retires leaves the crew first, so that nobody else can
  // reach it, and its connection may take its time to close.
  void end(Member& member) {
    if (leave(member)) {
      rules_.fold(*member.worker);
      member.worker.reset();
    }
    const std::lock_guard lock(mutex_);
    member.done = true;
    --working_;
    changed_.notify_all();
  }

  // False: it does not retire, but has found nothing left to do.
  bool leave(Member& member) {
    const std::lock_guard lock(mutex_);
    if (!member.retiring) {
      finished_ = true;
      return false;
    }
    const auto self = std::find_if(members_.begin(), members_.end(),
                                   [&](const auto& other) { return other.get() == &member; });
    gone_.push_back(std::move(*self));  // for others to join
    members_.erase(self);
    return true;
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
  std::vector<std::unique_ptr<Member>> gone_;  // have retired, or are about to
};

}  // namespace loadgen
