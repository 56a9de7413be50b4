#include "run/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "run/line_writer.h"

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

// Everything the program writes to stderr goes through this.
LineWriter& stderr_lines() {
  static LineWriter lines(STDERR_FILENO);
  return lines;
}

// Drops and counts lines for which there is no room, and reports the number once there is room.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 private:
  static constexpr std::chrono::milliseconds kLastPatience{250};

  void sink_it_(const spdlog::details::log_msg& message) override {
    if (!tell_dropped(std::chrono::milliseconds(0)) || !stderr_lines().write(text_of(message))) {
      ++dropped_;
    }
  }

  // Nothing more will be logged.
  void flush_() override { tell_dropped(kLastPatience); }

  bool tell_dropped(std::chrono::milliseconds patience) {
    if (dropped_ == 0) return true;
    const std::string told =
        fmt::format("Log lines that were dropped because nobody read stderr: {}", dropped_);
    if (!stderr_lines().write(text_of({"loadgen", spdlog::level::warn, told}), patience)) {
      return false;
    }
    dropped_ = 0;
    return true;
  }

  std::string text_of(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    return fmt::to_string(text);
  }

  std::uint64_t dropped_ = 0;
};

}  // namespace

void start_logging(LogLevel level, LogLevel at_least) {
  auto logger = std::make_shared<spdlog::logger>("loadgen", std::make_shared<StderrSink>());
  logger->set_pattern("[%Y-%m-%dT%H:%M:%S%z] %v");
  logger->set_level(spdlog_level(std::max(level, at_least)));
  // A closed stderr must not end a run, nor fill it with complaints.
  logger->set_error_handler([](const std::string&) {});
  spdlog::set_default_logger(std::move(logger));
}

void finish_logging() { spdlog::default_logger()->flush(); }

void show_progress_line(std::string_view line) { stderr_lines().write(line); }

void write_last_line(std::string_view line) { stderr_lines().write(line, std::chrono::seconds(1)); }

void log_failed_write(const WriteResult& result) {
  spdlog::warn(
      "A write failed: {} ({}, {})", result.error.message, result.error.code,
      result.outcome == WriteOutcome::kInDoubt ? "in doubt" : to_name(result.error.error_class));
}

void log_unwritable_letters(const std::string& path, int error) {
  spdlog::warn("{} cannot be written ({}): the first message that is refused will end the run.",
               path, std::strerror(error));
}

void log_notes(const TargetInfo& info) {
  for (const std::string& note : info.notes) spdlog::warn("{}", note);
}

void log_transition(const BreakerTransition& transition) {
  spdlog::warn("Circuit breaker: {} -> {}", to_name(transition.from), to_name(transition.to));
}

}  // namespace loadgen
