// The runs that a target remembers, in its table loadgen_runs.
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

// What the database remembers about a run.
struct RecordedRun {
  std::int64_t run_id = 0;
  std::string table;
  std::string config_json;
  std::string result_json;  // empty: the run has not ended, or its result could not be recorded
  std::uint64_t ledger_rows = 0;  // in frames whose commit the ledger shows
  std::uint64_t ledger_frames = 0;
};

// A part of its target; see sink.h for thread-safety, errors, blocking and interruption.
class RunLog {
 public:
  RunLog() = default;
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;
  virtual ~RunLog() = default;

  // Needs Target::open(). May be called again after a ConnectError, like open().
  virtual void start(const RunRecord& record) = 0;
  // Needs Target::open().
  virtual void end(std::int64_t run_id, WallTime ended_at, const std::string& result_json) = 0;
  // The run with this id, or the latest; nullopt = there is none. Needs no open(); creates nothing.
  virtual std::optional<RecordedRun> find(std::optional<std::int64_t> run_id) = 0;
};

}  // namespace loadgen
