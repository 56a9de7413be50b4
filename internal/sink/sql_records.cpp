#include "sink/sql_records.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "sink/target_config.h"

namespace loadgen {

SqlRecords::SqlRecords(SqlDatabase& database, const Dialect& dialect, std::string table)
    : database_(database), dialect_(dialect), table_(std::move(table)) {}

void SqlRecords::start(const RunRecord& record) {
  database_.in_session(kStartLockWait, [&](SqlSession& session) {
    const auto last_row = find_last_row(session);
    start_ = last_row ? std::optional(RunStart{record.run_id, *last_row}) : std::nullopt;
    std::string config = session.quote(record.config_json);
    if (last_row) config = dialect_.with_last_row(config, *last_row);
    const std::string started_at = dialect_.timestamp(record.started_at);
    session.change(fmt::format(
        "INSERT INTO loadgen_runs (run_id, app_version, table_name, started_at, config) "
        "VALUES ({}, {}, {}, {}, {}){}",
        record.run_id, session.quote(record.app_version), session.quote(table_), started_at, config,
        dialect_.unless_recorded));
    if (dialect_.unless_recorded.empty()) return;
    // The existing row may be from an earlier attempt, or from another run.
    const SqlAnswer own = session.query(
        fmt::format("SELECT 1 FROM loadgen_runs WHERE run_id = {} AND started_at = {}",
                    record.run_id, started_at));
    if (own.empty()) {
      throw SetupError(fmt::format(
          "run {} could not be recorded: another run has its number, or a trigger dropped the row",
          record.run_id));
    }
  });
}

void SqlRecords::end(std::int64_t run_id, WallTime ended_at, const std::string& result_json) {
  database_.in_session(kFinishLockWait, [&](SqlSession& session) {
    const std::size_t updated = session.change(
        fmt::format("UPDATE loadgen_runs SET ended_at = {}, result = {} WHERE run_id = {}",
                    dialect_.timestamp(ended_at), session.quote(result_json), run_id));
    if (updated == 0) {
      throw SetupError("the run's row in loadgen_runs was deleted during the run");
    }
  });
}

std::optional<RecordedRun> SqlRecords::find(std::optional<std::int64_t> run_id) {
  std::optional<RecordedRun> found;
  database_.in_new_session(kFindLockWait, [&](SqlSession& session) {
    const SqlAnswer runs = session.query(fmt::format(
        "SELECT run_id, table_name, {}, coalesce({}, ''), {}, {}, {} FROM loadgen_runs {} "
        "ORDER BY started_at DESC, run_id DESC LIMIT 1",
        dialect_.config_text, dialect_.result_text, dialect_.last_row_field("id"),
        dialect_.last_row_field("run_id"), dialect_.last_row_field("sequence"),
        run_id ? fmt::format("WHERE run_id = {}", *run_id) : ""));
    if (runs.empty()) return;
    const auto& run = runs.front();
    found = {.run_id = to_integer(run[0]),
             .table = run[1],
             .config_json = run[2],
             .result_json = run[3]};
    const LastRow last_row{to_integer(run[4]), to_integer(run[5]), to_integer(run[6])};
    start_ = run[4].empty() ? std::nullopt : std::optional(RunStart{found->run_id, last_row});
    const SqlAnswer ledger = session.query(
        fmt::format("SELECT count(*), coalesce(sum(rows), 0) FROM loadgen_ledger WHERE run_id = {}",
                    found->run_id));
    found->ledger_frames = static_cast<std::uint64_t>(to_integer(ledger[0][0]));
    found->ledger_rows = static_cast<std::uint64_t>(to_integer(ledger[0][1]));
  });
  return found;
}

void SqlRecords::read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) {
  database_.check_is_in_place();
  database_.in_session(kFinishLockWait, [&](SqlSession& session) {
    hides_rows_ = session.hides_rows(table_);
    std::string after;
    // A trigger may have been added since.
    if (start_ && start_->run_id == run_id && find_last_row(session) &&
        is_there(session, start_->last_row_before)) {
      after = fmt::format(" AND id > {}", start_->last_row_before.id);
      if (!dialect_.prefer_index.empty()) session.change(std::string(dialect_.prefer_index));
    }
    session.read(fmt::format("SELECT sequence{} FROM {} WHERE run_id = {}{}",
                             content == RowContent::kTexts ? ", producer, message" : "",
                             quote_identifier(table_), run_id, after),
                 content, visit);
  });
}

bool SqlRecords::search_whole_table() { return std::exchange(start_, std::nullopt).has_value(); }

std::optional<LastRow> SqlRecords::find_last_row(SqlSession& session) const {
  const auto ascending = session.ids_ascend_up_to(table_);
  if (!ascending) return std::nullopt;
  const SqlAnswer last = session.query(fmt::format(
      "SELECT id, run_id, sequence FROM {} ORDER BY id DESC LIMIT 1", quote_identifier(table_)));
  if (last.empty()) return std::nullopt;
  const auto& row = last.front();
  if (to_integer(row[0]) > *ascending) return std::nullopt;
  return LastRow{to_integer(row[0]), to_integer(row[1]), to_integer(row[2])};
}

bool SqlRecords::is_there(SqlSession& session, const LastRow& row) const {
  return !session
              .query(fmt::format("SELECT 1 FROM {} WHERE id = {} AND run_id = {} AND sequence = {}",
                                 quote_identifier(table_), row.id, row.run_id, row.sequence))
              .empty();
}

}  // namespace loadgen
