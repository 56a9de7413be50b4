// Log lines on stderr: "[2026-01-31T12:00:00+00:00] Starting consumers...". The only global.
#pragma once

#include "delivery/breaker_machine.h"
#include "options/choices.h"
#include "sink/sink.h"

namespace loadgen {

// Sets up spdlog's default logger, to leave out what either level does. Call once, before any
// thread is started.
void start_logging(LogLevel level, LogLevel at_least = LogLevel::kDebug);

// False: a line would have to wait for whoever reads stderr.
bool log_is_ready();

void log_failed_write(const WriteResult& result);
void log_transition(const BreakerTransition& transition);

}  // namespace loadgen
