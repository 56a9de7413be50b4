// The run log and the row reader of SQL databases, shared by SQLite and Postgres.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sink/last_row.h"
#include "sink/row_reader.h"
#include "sink/run_log.h"
#include "sink/sql_session.h"

namespace loadgen {

class SqlRecords final : public RunLog, public RowReader {
 public:
  // Borrows `database` and `dialect`, which must outlive it. `table` holds the messages.
  SqlRecords(SqlDatabase& database, const Dialect& dialect, std::string table);

  void start(const RunRecord& record) override;
  void end(std::int64_t run_id, WallTime ended_at, const std::string& result_json) override;
  std::optional<RecordedRun> find(std::optional<std::int64_t> run_id) override;

  void read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) override;
  bool search_whole_table() override;
  [[nodiscard]] bool hides_rows() const override { return hides_rows_; }

 private:
  // The last row of the table, if new rows will surely get larger ids; otherwise, or when the table
  // is empty, nullopt. Reads a few pages.
  [[nodiscard]] std::optional<LastRow> find_last_row(SqlSession& session) const;
  // Whether the row is still there, so that all later ids are larger.
  [[nodiscard]] bool is_there(SqlSession& session, const LastRow& row) const;

  SqlDatabase& database_;
  const Dialect& dialect_;
  const std::string table_;
  std::optional<RunStart> start_;  // of the run last begun or found, if it is known
  bool hides_rows_ = false;        // set by read_back()
};

}  // namespace loadgen
