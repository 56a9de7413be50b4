// What no worker of a lane has counted when its threads are done or given up: what they had in
// hand, what is in the channel and on its disk, and in the file for unsent messages. One thread
// uses it, after all others. Blocks for the disk.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "channel/channel.h"
#include "channel/spool.h"
#include "delivery/unsent_box.h"
#include "model/fate.h"
#include "model/message.h"
#include "model/sequence_set.h"

namespace loadgen {

// A lane's channel and what it stands on.
struct LaneQueue {
  Spool* spool;          // if there is one; borrowed
  const SpooledRun run;  // as the spool knows it
  std::unique_ptr<Channel> channel;
};

class Leftovers {
 public:
  // A thread that is stuck may be so in the spool, which nobody touches then.
  enum class Threads { kJoined, kStuck };

  // Borrows both.
  Leftovers(LaneQueue& queue, UnsentBox& unsent, Threads threads);

  // Messages that a worker was left with and that were surely not written: kept by the channel, or
  // not.
  void add_unwritten(std::span<const Message> messages);
  // Messages that the channel may have taken.
  void add_doubtful(std::span<const Message> messages);
  // A piece, whole, that may have been written.
  void add_doubtful_frame(std::span<const Message> piece);

  struct Result {
    Tally ends;
    bool spool_agrees = true;    // it holds as many messages as were counted
    std::string spool_problem;   // why it is not to be trusted; empty = it is
    std::string unsent_problem;  // why the file does not hold all of them; empty = it does
  };
  // Empties the channel, and closes the file. `unsent_path` is its name for the log.
  Result finish(const std::string& unsent_path);

 private:
  void lose(const LostMessages& lost);
  SequenceSet save_from_gone_spool();
  void compare_with_spool();
  [[nodiscard]] bool may_use_spool() const {
    return queue_.spool != nullptr && threads_ == Threads::kJoined;
  }

  LaneQueue& queue_;
  UnsentBox& unsent_;
  const Threads threads_;
  Result result_;
};

}  // namespace loadgen
