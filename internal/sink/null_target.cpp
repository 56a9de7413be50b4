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
  void record_start(const RunRecord& /*record*/) override {}
  void record_end(std::int64_t /*run_id*/, WallTime /*ended_at*/,
                  const std::string& /*result_json*/) override {}
  std::optional<RecordedRun> find_run(std::optional<std::int64_t> /*run_id*/) override {
    return std::nullopt;
  }
  [[nodiscard]] bool can_read_back() const override { return false; }
  void read_back(std::int64_t /*run_id*/, RowContent /*content*/,
                 const RowVisitor& /*visit*/) override {}
  void interrupt() noexcept override {}
};

}  // namespace

bool is_null_address(std::string_view address) { return address == "null:"; }

std::unique_ptr<Target> make_null_target(const TargetConfig& /*config*/, Clock& /*clock*/) {
  return std::make_unique<NullTarget>();
}

}  // namespace loadgen
