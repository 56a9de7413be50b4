// Sinks for tests that need no database: one that remembers, faults by wrapping another, and a
// target that hands them out.
#pragma once

#include <atomic>
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
    ids.push_back(frame.id());
    return {};
  }
  void interrupt() noexcept override { interrupted = true; }

  std::vector<std::vector<std::uint64_t>> frames;
  std::vector<std::uint64_t> ids;  // of each
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
    return {outcome, {.code = "TEST", .message = "injected", .error_class = ErrorClass::kFatal}};
  }
  void interrupt() noexcept override { inner_.interrupt(); }

 private:
  Sink& inner_;
  Fault fault_;
  std::size_t writes_ = 0;
};

// Every connection writes to the one sink it is given, which must outlive it.
class SinkTarget final : public Target {
 public:
  explicit SinkTarget(Sink& sink) : sink_(sink) {}

  void open() override {}
  [[nodiscard]] TargetInfo info() const override { return {.kind = "test"}; }
  std::unique_ptr<Sink> connect(const RunIdentity& /*run*/,
                                const std::stop_token& /*stop*/) override {
    ++connections;
    if (on_connect) on_connect();
    return std::make_unique<Connection>(sink_);
  }
  void interrupt() noexcept override {}

  std::atomic<int> connections{0};
  std::function<void()> on_connect;

 private:
  class Connection final : public Sink {
   public:
    explicit Connection(Sink& sink) : sink_(sink) {}
    WriteResult write(const Frame& frame) noexcept override { return sink_.write(frame); }
    void interrupt() noexcept override { sink_.interrupt(); }

   private:
    Sink& sink_;
  };

  Sink& sink_;
};

}  // namespace loadgen
