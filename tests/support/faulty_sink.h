// Sinks for tests that need no database: one that remembers, and faults by wrapping another.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "sink/sink.h"

namespace loadgen {

// Remembers the sequences of each frame.
class MemorySink final : public Sink {
 public:
  WriteResult write(const Frame& frame) noexcept override {
    std::vector<std::uint64_t> sequences;
    for (const Message& message : frame.messages) sequences.push_back(message.sequence);
    frames.push_back(std::move(sequences));
    return {};
  }
  void interrupt() noexcept override { interrupted = true; }

  std::vector<std::vector<std::uint64_t>> frames;
  bool interrupted = false;
};

// Asks a function what to do with the nth frame (0, 1, ...); kWritten passes it on.
class FaultySink final : public Sink {
 public:
  using Fault = std::function<WriteOutcome(std::size_t nth)>;

  FaultySink(Sink& inner, Fault fault) : inner_(inner), fault_(std::move(fault)) {}

  WriteResult write(const Frame& frame) noexcept override {
    const WriteOutcome outcome = fault_(writes_++);
    if (outcome == WriteOutcome::kWritten) return inner_.write(frame);
    return {outcome, {"TEST", "injected"}};
  }
  void interrupt() noexcept override { inner_.interrupt(); }

 private:
  Sink& inner_;
  Fault fault_;
  std::size_t writes_ = 0;
};

}  // namespace loadgen
