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
#include "sink/sql_records.h"
#include "sink/sqlite_sink.h"
#include "sink/sqlite_tables.h"
#include "sink/wal_checkpointer.h"
#include "sink/writer_queue.h"

namespace loadgen {
namespace {

constexpr std::string_view kPrefix = "sqlite:";

constexpr Dialect kDialect{
    .timestamp = [](WallTime when) { return std::to_string(unix_microseconds(when)); },
    .config_text = "config",
    .result_text = "result",
    .with_last_row =
        [](const std::string& config, const LastRow& row) {
          return fmt::format(
              "json_set({}, '$.last_row_before', "
              "json_object('id', {}, 'run_id', {}, 'sequence', {}))",
              config, row.id, row.run_id, row.sequence);
        },
    .last_row_field =
        [](std::string_view field) {
          // The column is plain text, so it may hold something that is not JSON.
          return fmt::format(
              "CASE WHEN json_valid(config) THEN config -> 'last_row_before' ->> '{}' END", field);
        },
    .unless_recorded = "",
    .prefer_index = "",
};

class SqliteSession final : public SqlSession {
 public:
  explicit SqliteSession(SqliteConnection& connection) : connection_(connection) {}

  [[nodiscard]] std::string quote(std::string_view text) const override {
    std::string quoted = "'";
    for (const char c : text) {
      if (c == '\'') quoted += '\'';
      quoted += c;
    }
    return quoted + '\'';
  }

  SqlAnswer query(const std::string& sql) override {
    SqliteStatement statement = connection_.prepare(sql);
    SqlAnswer answer;
    int code = SQLITE_OK;
    while (statement.step(code)) {
      auto& row = answer.emplace_back();
      for (int i = 0; i < statement.columns(); ++i) row.emplace_back(statement.text(i));
    }
    if (code != SQLITE_OK) connection_.fail(code);
    return answer;
  }

  std::size_t change(const std::string& sql) override {
    SqliteStatement statement = connection_.prepare(sql);
    if (const int code = statement.run(); code != SQLITE_OK) connection_.fail(code);
    return static_cast<std::size_t>(connection_.changes());
  }

  void read(const std::string& select, RowContent content, const RowVisitor& visit) override {
    const bool texts = content == RowContent::kTexts;
    SqliteStatement rows = connection_.prepare(select);
    int code = SQLITE_OK;
    while (rows.step(code)) {
      const StoredRow row{rows.integer(0), texts ? rows.integer(1) : 0, texts ? rows.text(2) : ""};
      if (!visit(row)) return;
    }
    if (code != SQLITE_OK) connection_.fail(code);
  }

  std::optional<std::int64_t> ids_ascend_up_to(const std::string& table) override {
    return loadgen::ids_ascend_up_to(connection_, table);
  }
  bool hides_rows(const std::string& /*table*/) override { return false; }

 private:
  SqliteConnection& connection_;
};

class SqliteTarget final : public Target, private SqlDatabase {
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
  [[nodiscard]] RunLog* run_log() override { return &records_; }
  [[nodiscard]] RowReader* rows() override { return &records_; }
  void check_is_in_place() const override;  // of Target, and of SqlDatabase
  void interrupt() noexcept override {
    interrupted_.request_stop();
    if (is_open_) connection_->interrupt();
  }

 private:
  // No transaction: each statement commits on its own.
  void in_session(std::chrono::seconds lock_wait, const Work& work) override;
  void in_new_session(std::chrono::seconds lock_wait, const Work& work) override;
  void prepare_database();
  // Whether the database has no tables; false if it is locked.
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
  SqlRecords records_{*this, kDialect, config_.table};
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
    // SQLite would create the file too, but this shows whether we created it.
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
  // Check the tables before anything is changed; WAL mode is a change.
  connection_->execute("SELECT count(*) FROM sqlite_master");
  // One snapshot: another run may be making the tables just now.
  connection_->execute("BEGIN");
  try {
    check_tables(*connection_, config_.table);
  } catch (...) {
    connection_->execute("ROLLBACK");
    throw;
  }
  connection_->execute("COMMIT");
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
      // The change needs exclusive use of the file, and SQLite does not wait for that itself.
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

void SqliteTarget::in_session(std::chrono::seconds lock_wait, const Work& work) {
  patience_.deadline = clock_.now() + lock_wait;
  naming_database([&] {
    SqliteSession session(*connection_);
    work(session);
  });
}

void SqliteTarget::in_new_session(std::chrono::seconds lock_wait, const Work& work) {
  patience_.deadline = clock_.now() + lock_wait;
  naming_database([&] {
    is_open_ = false;
    connection_.emplace(path_, patience_, SqliteConnection::Absent::kRefuse);
    is_open_ = true;
    SqliteSession session(*connection_);
    work(session);
  });
}

// Our connection still sees all rows of a deleted file, but a program that opens the path does not.
void SqliteTarget::check_is_in_place() const {
  if (connection_->has_moved()) throw SetupError(file_gone(path_));
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
