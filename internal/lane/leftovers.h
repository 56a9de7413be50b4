// Counts the messages that no worker has counted when the threads of a lane are done or stuck:
// those in hand, in the channel and in the spool. Saves what it can to the spool or the file for
// unsent messages. Used by one thread, after all others are done. Blocks for the disk.
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
  // With kStuck what a worker had in hand is not put into the spool: the thread may be stuck in it.
  enum class Threads { kJoined, kStuck };

  // Borrows both.
  Leftovers(Custody& custody, UnsentBox& unsent, Threads threads);

  // Messages that a worker had in hand and that were surely not written; the spool may have them.
  void add_unwritten(std::span<const Message> messages);
  // Messages that the channel may have taken.
  void add_doubtful(std::span<const Message> messages);
  // A whole piece that may have been written.
  void add_doubtful_frame(std::span<const Message> piece);

  struct Result {
    Tally ends;
    bool spool_agrees = true;    // it holds as many messages as were counted
    std::string spool_problem;   // why it cannot be trusted; empty = it can
    std::string unsent_problem;  // why the file does not hold all of them; empty = it does
  };
  // Empties the channel and closes the file. `unsent_path` names the file in the log.
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
