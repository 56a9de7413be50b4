// Sends letters again, through the same delivery as a run. Each is stored exactly once, so a replay
// may be interrupted and repeated. Messages in doubt are sent as the same frame as before, and the
// ledger tells whether that frame had been stored.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "options/parse_options.h"

namespace loadgen {

struct ReplayReport {
  std::uint64_t replayed = 0;         // stored now
  std::uint64_t already_present = 0;  // stored before, by the run or an earlier replay
  std::uint64_t dead_again = 0;       // refused
  std::uint64_t skipped_lines = 0;    // torn, damaged, not a letter, or of an incomplete frame
};

// One line for people.
std::string to_text(const ReplayReport& report);
// For programs.
std::string to_json(const ReplayReport& report, int exit_code);

// Blocks. Throws UsageError when the file cannot be read, SetupError when the database cannot be
// used or fails for good; rows stored until then stay.
ReplayReport replay(const Replay& replay, Clock& clock);

}  // namespace loadgen
