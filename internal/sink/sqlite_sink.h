// Writes frames to SQLite: one transaction per frame, with prepared multi-row INSERTs. Waits for
// locks of other processes, but not longer than a write may take.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sink/sink.h"
#include "sink/sqlite_connection.h"
#include "sink/target_config.h"
#include "sink/wal_checkpointer.h"
#include "sink/writer_queue.h"

namespace loadgen {

// What all sinks of a target share. Borrowed; must outlive the sinks.
struct SqliteShared {
  WriterQueue& writer;
  WalCheckpointer& checkpointer;
  Clock& clock;
};

class SqliteSink final : public Sink {
 public:
  // Throws SetupError.
  SqliteSink(const std::string& path, const TargetConfig& config, const RunIdentity& run,
             const SqliteShared& shared);

  WriteResult write(const Frame& frame) noexcept override;
  void interrupt() noexcept override;

 private:
  // An INSERT of a fixed number of rows.
  struct Insert {
    std::size_t rows;
    SqliteStatement statement;
  };

  bool file_is_gone(TimePoint now);
  WriteResult write_now(const WriterQueue::Request& request);
  // Adds the number of rows the table accepted to `stored`: a trigger may silently drop some.
  int insert_rows(std::span<const Message> messages, std::size_t& stored);
  void bind_row(SqliteStatement& statement, std::size_t row, const Message& message) const;
  WriteResult roll_back(WriteOutcome outcome, int code);
  // For errors that are not SQLite's and that no retry can fix.
  WriteResult refuse(std::string code, std::string message);

  // Constant after construction.
  const RunIdentity run_;
  WriterQueue& writer_;
  WalCheckpointer& checkpointer_;
  const WriterQueue::Write write_now_;
  const std::string path_;
  const nanoseconds timeout_;  // for all lock waits of one write
  std::stop_source interrupted_;
  LockPatience patience_;

  SqliteConnection connection_;
  SqliteStatement begin_;
  SqliteStatement commit_;
  SqliteStatement rollback_;
  std::optional<SqliteStatement> ledger_;  // exactly-once only
  std::vector<Insert> inserts_;            // most rows first; the last takes one row
  TimePoint look_again_{};                 // when to check the file again
};

}  // namespace loadgen
