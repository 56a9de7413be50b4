#include "run/log.h"

#include <poll.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

namespace loadgen {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

void start_logging(LogLevel level, LogLevel at_least) {
  auto logger = std::make_shared<spdlog::logger>("loadgen",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("[%Y-%m-%dT%H:%M:%S%z] %v");
  logger->set_level(spdlog_level(std::max(level, at_least)));
  // A closed stderr must not end a run, nor fill it with complaints.
  logger->set_error_handler([](const std::string&) {});
  spdlog::set_default_logger(std::move(logger));
}

bool log_is_ready() {
  pollfd to_stderr{STDERR_FILENO, POLLOUT, 0};
  return poll(&to_stderr, 1, 0) != 0;  // also where it is closed, for nothing waits then
}

void log_failed_write(const WriteResult& result) {
  spdlog::warn(
      "A write failed: {} ({}, {})", result.error.message, result.error.code,
      result.outcome == WriteOutcome::kInDoubt ? "in doubt" : to_name(result.error.error_class));
}

void log_transition(const BreakerTransition& transition) {
  spdlog::warn("Circuit breaker: {} -> {}", to_name(transition.from), to_name(transition.to));
}

}  // namespace loadgen
