// Unsent messages: what could not be written before the run had to end, kept in a file to be sent
// later (app replay). Thread-safe. Blocks for the disk.
#pragma once

#include <mutex>
#include <span>
#include <string>

#include "channel/channel.h"
#include "delivery/letter_file.h"
#include "model/message.h"
#include "sink/sink.h"

namespace loadgen {

class UnsentBox {
 public:
  // Without a path nothing is kept.
  UnsentBox(std::string path, RunIdentity run) : run_(run), file_(std::move(path)) {}

  // Surely not stored, each; yet one that is lost in doubt may be stored by a run that resumes the
  // channel.
  void add(const LostMessages& lost);
  // The end. Returns 0, or the errno of the first thing that failed: then not all of them are safe.
  [[nodiscard]] int finish();

 private:
  const RunIdentity run_;

  std::mutex mutex_;
  // Guarded by mutex_.
  LetterFile file_;
  int error_ = 0;
};

}  // namespace loadgen
