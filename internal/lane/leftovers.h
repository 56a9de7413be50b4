// What no worker of a lane has counted when its threads are done or given up: what they had in
// hand, what is in the channel and on its disk, and in the file for unsent messages. One thread
// uses it, after all others. Blocks for the disk.
#pragma once

#include <span>
#include <string>

#include "channel/channel.h"
#include "delivery/unsent_box.h"
#include "model/fate.h"
#include "model/lost_messages.h"
#include "model/message.h"
#include "model/sequence_set.h"
#include "spool/custody.h"

namespace loadgen {

class Leftovers {
 public:
  // A thread that is stuck may be so in the spool, which nobody touches then.
  enum class Threads { kJoined, kStuck };

  // Borrows both.
  Leftovers(Custody& custody, UnsentBox& unsent, Threads threads);

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
  Result finish(Channel& channel, const std::string& unsent_path);

 private:
  void lose(const LostMessages& lost);
  void empty(Channel& channel);
  SequenceSet save_from_gone_spool();
  void compare_with_spool();
  [[nodiscard]] bool may_use_spool() const {
    return custody_.spool() != nullptr && threads_ == Threads::kJoined;
  }

  Custody& custody_;
  UnsentBox& unsent_;
  const Threads threads_;
  Result result_;
};

}  // namespace loadgen
