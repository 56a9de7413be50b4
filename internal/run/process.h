// Prepares the process, before any thread is started and any file is opened.
#pragma once

namespace loadgen {

// - SIGPIPE is ignored: a broken pipe is an error of the write that met it, and no end of a run.
// - Standard streams that were closed are occupied, so that no database connection or file becomes
//   number 1 or 2 and is written log lines into. Writing to them fails.
// - As many files may be open as the system allows: each consumer has a connection.
// - Timers are precise: Linux rounds them by 50 us unless asked not to (the median wake-up error is
//   82 us with the default, 30 us with this). Threads inherit it.
void prepare_process();

}  // namespace loadgen
