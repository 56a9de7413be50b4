#include "sink/postgres_target.h"

#include <fmt/format.h>

#include <charconv>
#include <pqxx/pqxx>
#include <stop_token>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/redact.h"
#include "base/time_limit.h"
#include "base/units.h"
#include "schema.h"
#include "sink/last_row.h"
#include "sink/postgres_address.h"
#include "sink/postgres_pqxx.h"
#include "sink/postgres_sink.h"
#include "sink/postgres_tables.h"

namespace loadgen {
namespace {

// Serialises the setup of runs that start together: two CREATE TABLE IF NOT EXISTS can still clash.
constexpr std::int64_t kSetupLock = 0x6c6f616467656e;  // "loadgen"

std::string sql_timestamp(WallTime when) {
  return fmt::format("timestamptz 'epoch' + {} * interval '1 microsecond'",
                     unix_microseconds(when));
}

class PostgresTarget final : public Target {
 public:
  PostgresTarget(TargetConfig config, Clock& clock)
      : config_(std::move(config)),
        clock_(clock),
        access_{complete_conninfo(config_.address), secrets_in(config_.address), ""} {}

  void open() override;
  [[nodiscard]] TargetInfo info() const override { return info_; }
  [[nodiscard]] std::string place() const override { return place_of(access_.conninfo); }
  std::unique_ptr<Sink> connect(const RunIdentity& run, const std::stop_token& stop) override;
  void record_start(const RunRecord& record) override;
  void record_end(std::int64_t run_id, WallTime ended_at, const std::string& result_json) override;
  std::optional<RecordedRun> find_run(std::optional<std::int64_t> run_id) override;
  [[nodiscard]] bool can_read_back() const override { return true; }
  [[nodiscard]] bool hides_rows() const override { return hides_rows_; }
  void read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) override;
  bool search_whole_table() override { return std::exchange(start_, std::nullopt).has_value(); }
  // Not by a cancel request: that would connect, and block, and be forgotten by the next statement.
  void interrupt() noexcept override { interrupted_.request_stop(); }

 private:
  template <typename Action>
  // NOLINTNEXTLINE(modernize-use-nodiscard): some actions return nothing
  auto naming_database(Action action) const {
    try {
      return action();
    } catch (const UsageError&) {
      throw;
    } catch (const ConnectError& error) {
      throw ConnectError(in_database(error), error.error());
    } catch (const pqxx::sql_error& error) {
      const std::string message = in_database(error);
      throw ConnectError(message, {.code = error.sqlstate(),
                                   .message = message,
                                   .error_class = classify_sqlstate(error.sqlstate())});
    } catch (const std::exception& error) {
      throw SetupError(in_database(error));
    }
  }

  [[nodiscard]] std::string in_database(const std::exception& error) const {
    // The server quotes the statement after its message, and libpqxx with it.
    const std::string_view message = error.what();
    return fmt::format("{}: {}", one_line(redact(config_.address)),
                       one_line(message.substr(0, message.find("\nLINE ")), access_.secrets));
  }

  // Runs action(work, silence) in one transaction on a connection of its own, which is ended when
  // silence expires: when nothing was heard for as long as a write may take.
  template <typename Action>
  void transact_restarting(std::chrono::seconds lock_wait, Action action) {
    naming_database([&] {
      std::stop_source session;
      const std::stop_callback on_interrupt(interrupted_.get_token(),
                                            [&] { session.request_stop(); });
      TimeLimit silence(clock_, config_.write_timeout, [&] { session.request_stop(); });
      try {
        PqxxSession(access_.conninfo, access_.secrets, session.get_token())
            .transact([&](pqxx::work& work) {
              work.exec(fmt::format("SET LOCAL lock_timeout = '{}s'", lock_wait.count()));
              action(work, silence);
            });
      } catch (const ConnectError&) {
        if (interrupted_.stop_requested()) throw SetupError("interrupted");
        if (!silence.expired()) throw;
        const std::string message = fmt::format("the server did not answer within {} (--timeout)",
                                                format_duration(config_.write_timeout));
        throw ConnectError(
            message, {.code = "timeout", .message = message, .error_class = ErrorClass::kOutage});
      }
    });
  }

  template <typename Action>
  void transact(std::chrono::seconds lock_wait, Action action) {
    transact_restarting(lock_wait, [&](pqxx::work& work, TimeLimit& /*silence*/) { action(work); });
  }

  const TargetConfig config_;
  Clock& clock_;
  PostgresAccess access_;                                      // completed by open()
  TargetInfo info_{.kind = "postgres", .version = "unknown"};  // completed by open()
  std::optional<RunStart> start_;  // of the run last begun or found, if it is known
  std::stop_source interrupted_;
  bool hides_rows_ = false;  // as read_back() found
};

void PostgresTarget::open() {
  naming_database([&] {
    if (!host_is_known(access_.conninfo)) {
      throw SetupError("could not translate the host name to an address" +
                       password_hint(config_.address));
    }
  });
  transact(kStartLockWait, [&](pqxx::work& work) {
    work.exec("SET LOCAL client_min_messages = warning");
    work.exec(fmt::format("SELECT pg_advisory_xact_lock({})", kSetupLock));
    // CREATE TABLE IF NOT EXISTS asks for the right to create even where the table exists.
    if (!check_tables(work, config_.table, config_.message_size)) {
      work.exec(schema_for_table(schema::kPostgres, config_.table));
    }
    if (config_.insert == InsertMethod::kCopy && is_row_security_active(work, config_.table)) {
      throw SetupError(fmt::format(
          "table {} has row level security, under which COPY cannot write; use --insert=unnest",
          one_line(config_.table)));
    }
    access_.ledger_schema = ledger_schema(work);
    const auto show = [&work](const std::string& setting) {
      return std::string(work.exec("SHOW " + setting)[0][0].c_str());
    };
    info_ = {.kind = "postgres",
             .version = show("server_version"),
             .insert = config_.insert,
             .durability = {
                 {"synchronous_commit", config_.durability == Durability::kFull ? "on" : "off"},
                 {"fsync", show("fsync")},
                 {"full_page_writes", show("full_page_writes")},
                 {"table", is_unlogged(work, config_.table) ? "unlogged" : "logged"}}};
  });
}

std::unique_ptr<Sink> PostgresTarget::connect(const RunIdentity& run, const std::stop_token& stop) {
  return naming_database([&] { return make_postgres_sink(access_, config_, run, stop); });
}

void PostgresTarget::record_start(const RunRecord& record) {
  transact(kStartLockWait, [&](pqxx::work& work) {
    const auto last_row = find_last_row(work, config_.table);
    start_ = last_row ? std::optional(RunStart{record.run_id, *last_row}) : std::nullopt;
    std::string config = work.quote(record.config_json);
    if (last_row) {
      config += fmt::format(
          "::jsonb || jsonb_build_object('last_row_before', "
          "jsonb_build_object('id', {}, 'run_id', {}, 'sequence', {}))",
          last_row->id, last_row->run_id, last_row->sequence);
    }
    // An attempt before this one may have been committed when its session was lost.
    work.exec(fmt::format(
        "INSERT INTO loadgen_runs (run_id, app_version, table_name, started_at, config) "
        "VALUES ({}, {}, {}, {}, {}) ON CONFLICT (run_id) DO NOTHING",
        record.run_id, work.quote(record.app_version), work.quote(config_.table),
        sql_timestamp(record.started_at), config));
    const pqxx::result own =
        work.exec(fmt::format("SELECT 1 FROM loadgen_runs WHERE run_id = {} AND started_at = {}",
                              record.run_id, sql_timestamp(record.started_at)));
    if (own.empty()) {
      throw SetupError(fmt::format(
          "run {} could not be recorded: another run has its number, or a trigger dropped the row",
          record.run_id));
    }
  });
}

void PostgresTarget::record_end(std::int64_t run_id, WallTime ended_at,
                                const std::string& result_json) {
  transact(kFinishLockWait, [&](pqxx::work& work) {
    const pqxx::result updated = work.exec(
        fmt::format("UPDATE loadgen_runs SET ended_at = {}, result = {} WHERE run_id = {}",
                    sql_timestamp(ended_at), work.quote(result_json), run_id));
    if (updated.affected_rows() == 0) {
      throw SetupError("the run's row in loadgen_runs was deleted during the run");
    }
  });
}

std::optional<RecordedRun> PostgresTarget::find_run(std::optional<std::int64_t> run_id) {
  std::optional<RecordedRun> found;
  transact(kFindLockWait, [&](pqxx::work& work) {
    const pqxx::result rows = work.exec(fmt::format(
        "SELECT run_id, table_name, config::text, coalesce(result::text, ''), "
        "(SELECT count(*) FROM loadgen_ledger l WHERE l.run_id = r.run_id), "
        "(SELECT coalesce(sum(rows), 0) FROM loadgen_ledger l WHERE l.run_id = r.run_id), "
        "config #>> '{{last_row_before,id}}', config #>> '{{last_row_before,run_id}}', "
        "config #>> '{{last_row_before,sequence}}' "
        "FROM loadgen_runs r {} ORDER BY started_at DESC, run_id DESC LIMIT 1",
        run_id ? fmt::format("WHERE run_id = {}", *run_id) : ""));
    if (rows.empty()) return;
    const auto text = [&](int column) { return std::string(rows[0][column].c_str()); };
    found = {.run_id = to_integer(text(0)),
             .table = text(1),
             .config_json = text(2),
             .result_json = text(3),
             .ledger_rows = static_cast<std::uint64_t>(to_integer(text(5))),
             .ledger_frames = static_cast<std::uint64_t>(to_integer(text(4)))};
    const LastRow last_row{to_integer(text(6)), to_integer(text(7)), to_integer(text(8))};
    start_ = text(6).empty() ? std::nullopt : std::optional(RunStart{found->run_id, last_row});
  });
  return found;
}

void PostgresTarget::read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) {
  const bool texts = content == RowContent::kTexts;
  transact_restarting(kFinishLockWait, [&](pqxx::work& work, TimeLimit& silence) {
    hides_rows_ = is_row_security_active(work, config_.table);
    std::string after;
    // A trigger may have come since.
    if (start_ && start_->run_id == run_id && find_last_row(work, config_.table) &&
        is_there(work, config_.table, start_->last_row_before)) {
      after = fmt::format(" AND id > {}", start_->last_row_before.id);
      // A planner that knows nothing of the table yet would take that for a third of its rows.
      work.exec("SET LOCAL enable_seqscan = off");
    }
    // A cursor, so that memory does not grow with the table.
    work.exec(fmt::format(
        "DECLARE stored NO SCROLL CURSOR FOR SELECT sequence{} FROM {} WHERE run_id = {}{}",
        texts ? ", producer, message" : "", quote_identifier(config_.table), run_id, after));
    for (;;) {
      const pqxx::result rows = work.exec("FETCH 10000 FROM stored");
      if (rows.empty()) return;
      silence.restart();
      for (const auto& row : rows) {
        const auto text = [&](int column) { return std::string_view(row[column].c_str()); };
        const StoredRow stored{to_integer(text(0)), texts ? to_integer(text(1)) : 0,
                               texts ? text(2) : std::string_view()};
        if (!visit(stored)) return;
      }
    }
  });
}

}  // namespace

bool is_postgres_address(std::string_view address) {
  return address.starts_with("postgres://") || address.starts_with("postgresql://") ||
         (address.find('=') != std::string_view::npos && address.find(':') > address.find('='));
}

std::unique_ptr<Target> make_postgres_target(const TargetConfig& config, Clock& clock) {
  if (config.table.find('.') != std::string::npos) {
    throw UsageError(fmt::format(
        "--table={}: expected a name without a schema; choose the schema in the address, as in "
        "postgres://host/db?options=-csearch_path%3Dbench",
        one_line(config.table)));
  }
  return std::make_unique<PostgresTarget>(config, clock);
}

}  // namespace loadgen
