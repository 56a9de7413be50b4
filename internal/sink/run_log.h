// What a target remembers of runs, in its table loadgen_runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

namespace loadgen {

// A run that starts.
struct RunRecord {
  std::int64_t run_id = 0;
  std::string app_version;
  WallTime started_at;
  std::string config_json;
};

// What the database remembers of a run.
struct RecordedRun {
  std::int64_t run_id = 0;
  std::string table;
  std::string config_json;
  std::string result_json;        // empty: it never ended, or could not be recorded
  std::uint64_t ledger_rows = 0;  // in frames whose commit the ledger shows
  std::uint64_t ledger_frames = 0;
};

// A part of its target: which threads may call it, how it fails, what it blocks for and what
// interrupts it is said in sink.h.
class RunLog {
 public:
  RunLog() = default;
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;
  virtual ~RunLog() = default;

  // Needs Target::open(). May be called again after a ConnectError, as open().
  virtual void start(const RunRecord& record) = 0;
  // Needs Target::open().
  virtual void end(std::int64_t run_id, WallTime ended_at, const std::string& result_json) = 0;
  // The run with this id, or the latest; nullopt = there is none. Needs no open(); creates nothing.
  virtual std::optional<RecordedRun> find(std::optional<std::int64_t> run_id) = 0;
};

}  // namespace loadgen
