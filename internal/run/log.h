// What goes to stderr: log lines, "[2026-01-31T12:00:00+00:00] Starting consumers...", and the
// progress. Nothing here waits for a reader of stderr but for the moment it says: what finds no
// room is dropped, and dropped log lines are counted. The only global. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "delivery/breaker_machine.h"
#include "options/choices.h"
#include "sink/sink.h"

namespace loadgen {

// Sets up spdlog's default logger, to leave out what either level does. Call once, before any
// thread is started.
void start_logging(LogLevel level, LogLevel at_least = LogLevel::kDebug);

// At the end of the program: says how many lines were dropped, if that was not said yet. Waits for
// at most 250 ms.
void finish_logging();

void show_progress_line(std::string_view line);
// Why the program ends: worth waiting a second for.
void write_last_line(std::string_view line);

void log_failed_write(const WriteResult& result);
void log_notes(const TargetInfo& info);
// Dead letters could not be kept in this file, by this errno.
void log_unwritable_letters(const std::string& path, int error);
void log_transition(const BreakerTransition& transition);

}  // namespace loadgen
