#include "sink/sqlite_sink.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <span>
#include <utility>

namespace loadgen {
namespace {

// Rows per statement: 0.66 M rows/s are stored row by row, 1.37 M with 50; 250 are about 2 % better
// for a thread that returns from waiting for the disk.
constexpr std::size_t kMultiRows[] = {250, 50, 10, 1};
constexpr std::size_t kSingleRow[] = {1};

// The run id is parameter 1 and bound once; each row has four more.
constexpr std::size_t kRowParameters = 4;

std::string insert_sql(std::string_view table, std::size_t rows) {
  std::string sql =
      fmt::format("INSERT INTO {} (message, created_at, run_id, sequence, producer) VALUES ",
                  quote_identifier(table));
  // A bare ? is the parameter after the highest so far. SQLite searches a list for each numbered
  // parameter: with a thousand that took 3 ms.
  for (std::size_t row = 0; row < rows; ++row) sql += row == 0 ? "(?2,?,?1,?,?)" : ",(?,?,?1,?,?)";
  return sql;
}

// A check costs a microsecond, and a small commit 20.
constexpr std::chrono::milliseconds kLookEvery{100};

// A failed COMMIT may still have reached the disk, unless it was refused before it began. This was
// seen with a failed fsync: the rows were invisible until the file was reopened.
bool leaves_doubt(int commit_code) {
  const int primary = commit_code & 0xff;
  return primary != SQLITE_BUSY && primary != SQLITE_CONSTRAINT && primary != SQLITE_INTERRUPT;
}

}  // namespace

SqliteSink::SqliteSink(const std::string& path, const TargetConfig& config, const RunIdentity& run,
                       const SqliteShared& shared)
    : run_(run),
      writer_(shared.writer),
      checkpointer_(shared.checkpointer),
      write_now_([this](const WriterQueue::Request& request) { return write_now(request); }),
      path_(path),
      timeout_(config.write_timeout),
      patience_{.clock = shared.clock,
                .stop = interrupted_.get_token(),
                .deadline = shared.clock.now() + timeout_},
      connection_(path, patience_),
      begin_(connection_.prepare("BEGIN IMMEDIATE")),
      commit_(connection_.prepare("COMMIT")),
      rollback_(connection_.prepare("ROLLBACK")) {
  if (config.delivery == Delivery::kExactlyOnce) {
    // The conflict target is named: OR IGNORE would swallow other violations, too.
    ledger_.emplace(
        connection_.prepare("INSERT INTO loadgen_ledger (run_id, frame, rows) VALUES (?1, ?2, ?3) "
                            "ON CONFLICT (run_id, frame) DO NOTHING"));
    ledger_->bind(1, run_.run_id);
  }
  connection_.execute(config.durability == Durability::kFull ? "PRAGMA synchronous = FULL"
                                                             : "PRAGMA synchronous = NORMAL");
  checkpointer_.serve(connection_);
  const std::span<const std::size_t> sizes = config.insert == InsertMethod::kSingle
                                                 ? std::span<const std::size_t>(kSingleRow)
                                                 : kMultiRows;
  for (const std::size_t rows : sizes) {
    inserts_.push_back({rows, connection_.prepare(insert_sql(config.table, rows))});
    inserts_.back().statement.bind(1, run_.run_id);  // bindings outlive each run of the statement
  }
}

WriteResult SqliteSink::write(const Frame& frame) noexcept {
  // Time in the queue counts too, because the first in the queue waits for the same lock.
  const WriterQueue::Request request{run_.run_id, frame, patience_.clock.now() + timeout_};
  auto result = writer_.write(request, interrupted_.get_token(), write_now_);
  if (!result) return {WriteOutcome::kNotWritten, interrupted_error()};
  if (result->stored() && !interrupted_.stop_requested()) {
    checkpointer_.checkpoint_if_due(connection_);
  }
  return *std::move(result);
}

void SqliteSink::interrupt() noexcept {
  interrupted_.request_stop();
  connection_.interrupt();
}

WriteResult SqliteSink::write_now(const WriterQueue::Request& request) {
  const Frame& frame = request.frame;
  patience_.deadline = request.deadline;
  if (const int code = begin_.run(); code != SQLITE_OK) {
    return roll_back(WriteOutcome::kNotWritten, code);
  }
  if (ledger_) {
    ledger_->bind(2, static_cast<std::int64_t>(frame.id()));
    ledger_->bind(3, static_cast<std::int64_t>(frame.messages.size()));
    if (const int code = ledger_->run(); code != SQLITE_OK) {
      return roll_back(WriteOutcome::kNotWritten, code);
    }
    if (connection_.changes() == 0) {
      rollback_.run();
      return {WriteOutcome::kAlreadyWritten};
    }
  }
  std::size_t stored = 0;
  if (const int code = insert_rows(frame.messages, stored); code != SQLITE_OK) {
    return roll_back(WriteOutcome::kNotWritten, code);
  }
  if (stored != frame.messages.size()) {
    return refuse(
        "row_count",
        fmt::format("the database stored {} of {} rows: a trigger on the table drops them", stored,
                    frame.messages.size()));
  }
  // A commit to a deleted file would succeed, and its rows would vanish with the last connection.
  if (file_is_gone(patience_.clock.now())) return refuse("file_gone", file_gone(path_));
  if (const int code = commit_.run(); code != SQLITE_OK) {
    return roll_back(leaves_doubt(code) ? WriteOutcome::kInDoubt : WriteOutcome::kNotWritten, code);
  }
  return {.confirmed = patience_.clock.now()};
}

bool SqliteSink::file_is_gone(TimePoint now) {
  if (now < look_again_) return false;
  look_again_ = now + kLookEvery;
  return connection_.has_moved();
}

int SqliteSink::insert_rows(std::span<const Message> messages, std::size_t& stored) {
  for (Insert& insert : inserts_) {
    while (messages.size() >= insert.rows) {
      for (std::size_t row = 0; row < insert.rows; ++row) {
        // The texts are in the caches of other cores.
        if (row + 8 < messages.size()) __builtin_prefetch(messages[row + 8].text.data());
        bind_row(insert.statement, row, messages[row]);
      }
      if (const int code = insert.statement.run(); code != SQLITE_OK) return code;
      stored += static_cast<std::size_t>(connection_.changes());
      messages = messages.subspan(insert.rows);
    }
  }
  return SQLITE_OK;
}

void SqliteSink::bind_row(SqliteStatement& statement, std::size_t row,
                          const Message& message) const {
  const int first = static_cast<int>(2 + row * kRowParameters);
  statement.bind(first, message.text);
  statement.bind(first + 1, unix_microseconds(run_.anchor.wall_at(message.created)));
  statement.bind(first + 2, static_cast<std::int64_t>(message.sequence));
  statement.bind(first + 3, static_cast<std::int64_t>(message.producer));
}

WriteResult SqliteSink::roll_back(WriteOutcome outcome, int code) {
  WriteResult result{outcome, connection_.error(code)};  // before another call replaces it
  if (connection_.in_transaction()) rollback_.run();
  return result;
}

WriteResult SqliteSink::refuse(std::string code, std::string message) {
  rollback_.run();
  return {
      WriteOutcome::kNotWritten,
      {.code = std::move(code), .message = std::move(message), .error_class = ErrorClass::kFatal}};
}

}  // namespace loadgen
