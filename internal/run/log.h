// What goes to stderr: log lines, "[2026-01-31T12:00:00+00:00] Starting consumers...", and the
// progress line. Nothing here waits for a slow reader of stderr, except for the times stated below:
// lines without room are dropped, and dropped log lines are counted. The logger is the only global.
// Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "delivery/breaker_machine.h"
#include "options/choices.h"
#include "sink/sink.h"

namespace loadgen {

// Sets up spdlog's default logger with the stricter of the two levels. Call once, before any thread
// is started.
void start_logging(LogLevel level, LogLevel at_least = LogLevel::kDebug);

// Call it at the end of the program: reports how many lines were dropped, if not reported yet.
// Waits for at most 250 ms.
void finish_logging();

void show_progress_line(std::string_view line);
// Writes why the program ends. Waits for at most a second.
void write_last_line(std::string_view line);

void log_failed_write(const WriteResult& result);
void log_notes(const TargetInfo& info);
// Warns that dead letters cannot be written to this file, with the errno.
void log_unwritable_letters(const std::string& path, int error);
void log_transition(const BreakerTransition& transition);

}  // namespace loadgen
