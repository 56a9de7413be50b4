#include "sink/null_target.h"

#include <atomic>

namespace loadgen {
namespace {

class NullSink final : public Sink {
 public:
  WriteResult write(const Frame& /*frame*/) noexcept override {
    if (interrupted_.load(std::memory_order_relaxed)) {
      return {WriteOutcome::kNotWritten, interrupted_error()};
    }
    return {};
  }
  void interrupt() noexcept override { interrupted_.store(true, std::memory_order_relaxed); }

 private:
  std::atomic<bool> interrupted_{false};
};

class NullTarget final : public Target {
 public:
  void open() override {}
  [[nodiscard]] TargetInfo info() const override { return {.kind = "null", .version = "1"}; }
  std::unique_ptr<Sink> connect(const RunIdentity& /*run*/,
                                const std::stop_token& /*stop*/) override {
    return std::make_unique<NullSink>();
  }
  void interrupt() noexcept override {}
};

}  // namespace

bool is_null_address(std::string_view address) { return address == "null:"; }

std::unique_ptr<Target> make_null_target(const TargetConfig& /*config*/, Clock& /*clock*/) {
  return std::make_unique<NullTarget>();
}

}  // namespace loadgen
