#include "run/audit_watch.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <system_error>

#include "base/background_thread.h"
#include "base/units.h"

namespace loadgen {
namespace {

constexpr std::chrono::seconds kFirst{1};
constexpr std::chrono::seconds kNewsInterval{5};

}  // namespace

AuditWatch::AuditWatch(Clock& clock) {
  try {
    thread_ = start_background_thread([this, &clock](const std::stop_token& stop) {
      TimePoint next = clock.now() + kFirst;
      while (clock.sleep_until(next, stop)) {
        spdlog::info("Auditing the table: {} rows read so far...",
                     format_count(rows_read_.load(std::memory_order_relaxed)));
        next += kNewsInterval;
      }
    });
  } catch (const std::system_error& error) {
    spdlog::debug("The audit goes unwatched: {}", error.what());
  }
}

}  // namespace loadgen
