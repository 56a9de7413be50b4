#include "sink/sqlite_target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/redact.h"
#include "schema.h"
#include "sink/last_row.h"
#include "sink/sqlite_sink.h"
#include "sink/sqlite_tables.h"
#include "sink/wal_checkpointer.h"
#include "sink/writer_queue.h"

namespace loadgen {
namespace {

constexpr std::string_view kPrefix = "sqlite:";

class SqliteTarget final : public Target {
 public:
  SqliteTarget(TargetConfig config, Clock& clock)
      : config_(std::move(config)),
        path_(config_.address.substr(kPrefix.size())),
        clock_(clock),
        patience_{.clock = clock, .stop = interrupted_.get_token()} {}

  void open() override;
  [[nodiscard]] TargetInfo info() const override;
  [[nodiscard]] std::vector<std::string> files() const override {
    return {path_, path_ + "-wal", path_ + "-shm", path_ + "-journal"};
  }
  std::unique_ptr<Sink> connect(const RunIdentity& run, const std::stop_token& stop) override;
  void record_start(const RunRecord& record) override;
  void record_end(std::int64_t run_id, WallTime ended_at, const std::string& result_json) override;
  std::optional<RecordedRun> find_run(std::optional<std::int64_t> run_id) override;
  [[nodiscard]] bool can_read_back() const override { return true; }
  void check_is_in_place() const override;
  void read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) override;
  bool search_whole_table() override { return std::exchange(start_, std::nullopt).has_value(); }
  void interrupt() noexcept override {
    interrupted_.request_stop();
    if (is_open_) connection_->interrupt();
  }

 private:
  void prepare_database();
  // Nobody has made a table in the database, as far as can be told: not when it is locked.
  bool is_untouched();
  void use_wal();
  // Runs `action`; a SetupError leaves with the database's name in front.
  template <typename Action>
  auto naming_database(Action action) const {
    try {
      return action();
    } catch (const ConnectError& error) {
      throw ConnectError(in_database(error), error.error());
    } catch (const SetupError& error) {
      throw SetupError(in_database(error));
    }
  }

  [[nodiscard]] std::string in_database(const std::exception& error) const {
    return fmt::format("{}: {}", one_line(config_.address), error.what());
  }

  const TargetConfig config_;
  const std::string path_;
  Clock& clock_;
  std::stop_source interrupted_;
  LockPatience patience_;
  WriterQueue writer_;
  WalCheckpointer checkpointer_;
  std::optional<SqliteConnection> connection_;  // set by open()
  std::atomic<bool> is_open_{false};            // connection_ may be used by interrupt()
  std::vector<std::string> notes_;              // of open()
  std::optional<RunStart> start_;               // of the run last begun or found, if it is known
};

void SqliteTarget::open() {
  patience_.deadline = clock_.now() + kStartLockWait;
  naming_database([&] {
    std::error_code ignored;
    const std::filesystem::path file(path_);
    if (std::filesystem::is_directory(file, ignored)) throw SetupError("is a directory");
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    if (!std::filesystem::is_directory(folder, ignored)) {
      throw SetupError(fmt::format("there is no directory {}", folder.string()));
    }
    // SQLite would create it as well, but only so it is known whose file it is.
    const int created = ::open(path_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
    if (created >= 0) ::close(created);
    const auto leave = [&](bool locked) {
      const bool remove = created >= 0 && !locked && is_untouched();
      connection_.reset();
      if (remove) std::filesystem::remove(file, ignored);
    };
    try {
      prepare_database();
    } catch (const ConnectError& error) {
      const bool locked = error.error().error_class == ErrorClass::kContention;
      leave(locked);
      if (locked) throw;
      throw SetupError(error.what());  // a file that cannot be used now will not appear later
    } catch (const SetupError&) {
      leave(false);
      throw;
    }
    is_open_ = true;
  });
}

void SqliteTarget::prepare_database() {
  connection_.emplace(path_, patience_);
  // What does not fit must be found before anything is changed, and WAL mode is a change.
  connection_->execute("SELECT count(*) FROM sqlite_master");
  check_tables(*connection_, config_.table);
  use_wal();
  connection_->execute("PRAGMA synchronous = FULL");  // of the run records; sinks set their own
  connection_->execute("BEGIN IMMEDIATE;" + schema_for_table(schema::kSqlite, config_.table) +
                       "COMMIT;");
}

bool SqliteTarget::is_untouched() {
  if (!connection_ || connection_->is_busy()) return false;
  try {
    if (connection_->in_transaction()) connection_->execute("ROLLBACK");
    return connection_->query_value("SELECT count(*) FROM sqlite_master") == "0";
  } catch (const SetupError&) {
    return false;
  }
}

void SqliteTarget::use_wal() {
  const std::string before = connection_->query_value("PRAGMA journal_mode");
  const bool is_new = connection_->query_value("SELECT count(*) FROM sqlite_master") == "0";
  if (before != "wal" && !is_new) {
    notes_ = {in_database(
        SetupError(fmt::format("its journal mode was {}, and is WAL from now on", before)))};
  }
  for (;;) {
    try {
      const std::string mode = connection_->query_value("PRAGMA journal_mode = WAL");
      if (mode != "wal") throw SetupError("cannot be put in WAL mode (it stays in " + mode + ")");
      return;
    } catch (const SetupError&) {
      // The change needs the file alone, and SQLite does not wait for that by itself.
      const bool busy = connection_->is_busy();
      if (!busy || clock_.now() >= patience_.deadline) throw;
      clock_.sleep_until(clock_.now() + std::chrono::milliseconds(10), {});
    }
  }
}

TargetInfo SqliteTarget::info() const {
  return {
      .kind = "sqlite",
      .version = sqlite3_libversion(),
      .insert = config_.insert,
      .durability = {{"journal_mode", "wal"},
                     {"synchronous", config_.durability == Durability::kFull ? "full" : "normal"}},
      .notes = notes_};
}

std::unique_ptr<Sink> SqliteTarget::connect(const RunIdentity& run,
                                            const std::stop_token& /*stop: it is a local file*/) {
  return naming_database([&] {
    return std::make_unique<SqliteSink>(path_, config_, run,
                                        SqliteShared{writer_, checkpointer_, clock_});
  });
}

void SqliteTarget::record_start(const RunRecord& record) {
  patience_.deadline = clock_.now() + kStartLockWait;
  naming_database([&] {
    const auto last_row = find_last_row(*connection_, config_.table);
    start_ = last_row ? std::optional(RunStart{record.run_id, *last_row}) : std::nullopt;
    SqliteStatement insert = connection_->prepare(
        "INSERT INTO loadgen_runs (run_id, app_version, table_name, started_at, config) "
        "VALUES (?1, ?2, ?3, ?4, CASE WHEN ?6 IS NULL THEN ?5 ELSE json_set(?5, "
        "'$.last_row_before', json_object('id', ?6, 'run_id', ?7, 'sequence', ?8)) END)");
    insert.bind(1, record.run_id);
    insert.bind(2, record.app_version);
    insert.bind(3, config_.table);
    insert.bind(4, unix_microseconds(record.started_at));
    insert.bind(5, record.config_json);
    if (last_row) {
      insert.bind(6, last_row->id);
      insert.bind(7, last_row->run_id);
      insert.bind(8, last_row->sequence);
    }
    if (const int code = insert.run(); code != SQLITE_OK) connection_->fail(code);
  });
}

void SqliteTarget::record_end(std::int64_t run_id, WallTime ended_at,
                              const std::string& result_json) {
  patience_.deadline = clock_.now() + kFinishLockWait;
  naming_database([&] {
    SqliteStatement update = connection_->prepare(
        "UPDATE loadgen_runs SET ended_at = ?2, result = ?3 WHERE run_id = ?1");
    update.bind(1, run_id);
    update.bind(2, unix_microseconds(ended_at));
    update.bind(3, result_json);
    if (const int code = update.run(); code != SQLITE_OK) connection_->fail(code);
    if (connection_->changes() == 0) {
      throw SetupError("the run's row in loadgen_runs was deleted during the run");
    }
  });
}

std::optional<RecordedRun> SqliteTarget::find_run(std::optional<std::int64_t> run_id) {
  patience_.deadline = clock_.now() + kFindLockWait;
  return naming_database([&]() -> std::optional<RecordedRun> {
    is_open_ = false;
    connection_.emplace(path_, patience_, SqliteConnection::Absent::kRefuse);
    is_open_ = true;
    SqliteStatement find = connection_->prepare(
        "SELECT run_id, table_name, config, coalesce(result, ''), last ->> 'id', "
        "last ->> 'run_id', last ->> 'sequence' FROM (SELECT *, CASE WHEN json_valid(config) "
        "THEN config -> 'last_row_before' END AS last FROM loadgen_runs) "
        "WHERE run_id = ?1 OR ?1 = -1 ORDER BY started_at DESC, run_id DESC LIMIT 1");
    find.bind(1, run_id.value_or(-1));
    int code = SQLITE_OK;
    if (!find.step(code)) {
      if (code != SQLITE_OK) connection_->fail(code);
      return std::nullopt;
    }
    RecordedRun run{.run_id = find.integer(0),
                    .table = std::string(find.text(1)),
                    .config_json = std::string(find.text(2)),
                    .result_json = std::string(find.text(3))};
    const LastRow last_row{find.integer(4), find.integer(5), find.integer(6)};
    start_ = find.text(4).empty() ? std::nullopt : std::optional(RunStart{run.run_id, last_row});
    SqliteStatement ledger = connection_->prepare(
        "SELECT count(*), coalesce(sum(rows), 0) FROM loadgen_ledger WHERE run_id = ?1");
    ledger.bind(1, run.run_id);
    // Without it the audit would take it that there was none, and miss nothing.
    if (!ledger.step(code)) connection_->fail(code);
    run.ledger_frames = static_cast<std::uint64_t>(ledger.integer(0));
    run.ledger_rows = static_cast<std::uint64_t>(ledger.integer(1));
    return run;
  });
}

// A connection sees all rows of a file that has lost its name, and nobody who opens the path does.
void SqliteTarget::check_is_in_place() const {
  if (connection_->has_moved()) throw SetupError(file_gone(path_));
}

void SqliteTarget::read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) {
  patience_.deadline = clock_.now() + kFinishLockWait;
  check_is_in_place();
  naming_database([&] {
    const bool texts = content == RowContent::kTexts;
    const bool knows_start = start_ && start_->run_id == run_id &&
                             find_last_row(*connection_, config_.table) &&
                             is_there(*connection_, config_.table, start_->last_row_before);
    SqliteStatement rows = connection_->prepare(fmt::format(
        "SELECT sequence, producer{} FROM {} WHERE run_id = ?1{}", texts ? ", message" : "",
        quote_identifier(config_.table), knows_start ? " AND id > ?2" : ""));
    rows.bind(1, run_id);
    if (knows_start) rows.bind(2, start_->last_row_before.id);
    int code = SQLITE_OK;
    while (rows.step(code)) {
      const StoredRow row{rows.integer(0), rows.integer(1), texts ? rows.text(2) : ""};
      if (!visit(row)) return;
    }
    if (code != SQLITE_OK) connection_->fail(code);
  });
}

}  // namespace

bool is_sqlite_address(std::string_view address) { return address.starts_with(kPrefix); }

std::unique_ptr<Target> make_sqlite_target(const TargetConfig& config, Clock& clock) {
  std::string_view path = config.address;
  path.remove_prefix(kPrefix.size());
  const bool is_uri = path.starts_with("file:");  // which Debian's SQLite would take for one
  const bool needs_hint = path.starts_with("//") && !path.starts_with("///");
  if (path.empty() || path.starts_with(":memory:") || is_uri || needs_hint) {
    throw UsageError(
        fmt::format("--db={}: expected a file, as in sqlite:messages.db or sqlite:/tmp/x.db",
                    one_line(config.address)));
  }
  return std::make_unique<SqliteTarget>(config, clock);
}

}  // namespace loadgen
