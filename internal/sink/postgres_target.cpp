#include "sink/postgres_target.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <map>
#include <pqxx/pqxx>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "base/time_limit.h"
#include "base/units.h"
#include "schema.h"
#include "sink/postgres_connection.h"
#include "sink/postgres_pqxx.h"
#include "sink/postgres_sink.h"

namespace loadgen {
namespace {

// A column loadgen writes, and the types it can write to. Binary formats allow no conversion.
struct Column {
  std::string_view name;
  std::string_view type;
  std::string_view other_type = type;
};
constexpr std::array kMessageColumns{Column{"message", "character varying", "text"},
                                     Column{"created_at", "timestamp with time zone"},
                                     Column{"run_id", "bigint"},
                                     Column{"sequence", "bigint"},
                                     Column{"producer", "integer"},
                                     Column{"id", "bigint", "integer"}};
constexpr std::array kLedgerColumns{Column{"run_id", "bigint"}, Column{"frame", "bigint"},
                                    Column{"rows", "integer"}};
constexpr std::array kRunColumns{Column{"run_id", "bigint"},
                                 Column{"app_version", "text"},
                                 Column{"table_name", "text"},
                                 Column{"started_at", "timestamp with time zone"},
                                 Column{"ended_at", "timestamp with time zone"},
                                 Column{"config", "jsonb"},
                                 Column{"result", "jsonb"}};

// Serialises the setup of runs that start together: two CREATE TABLE IF NOT EXISTS can still clash.
constexpr std::int64_t kSetupLock = 0x6c6f616467656e;  // "loadgen"

std::int64_t to_integer(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string sql_timestamp(WallTime when) {
  return fmt::format("timestamptz 'epoch' + {} * interval '1 microsecond'",
                     unix_microseconds(when));
}

// Returns whether the table exists; throws SetupError when it exists and does not fit.
bool check_columns(pqxx::work& work, const std::string& table, std::span<const Column> needed,
                   std::uint32_t message_size) {
  const auto refuse = [&](const std::string& why) {
    // The other tables have fixed names.
    throw SetupError(fmt::format(
        "table {} does not fit: {}; {}", one_line(table), why,
        message_size > 0 ? "use --table to name another" : "use another database or schema"));
  };
  const std::string relation = work.quote(quote_identifier(table));
  const pqxx::result kind = work.exec(fmt::format(
      "SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = to_regclass({})", relation));
  if (!kind.empty() && kind[0][0].c_str()[0] != 't') refuse("it is not a table");
  const pqxx::result rows =
      work.exec(fmt::format("SELECT attname, format_type(atttypid, NULL), atttypmod, "
                            "attnotnull AND NOT atthasdef AND attidentity = '' FROM pg_attribute "
                            "WHERE attrelid = to_regclass({}) AND attnum > 0 AND NOT attisdropped",
                            relation));
  std::map<std::string, std::string, std::less<>> found;  // name -> type
  std::int64_t width = -1;                                // of the column message
  for (const auto& row : rows) {
    const std::string name = row[0].c_str();
    found[name] = row[1].c_str();
    // The type modifier of varchar(n) is n + 4, and -1 without a limit.
    if (name == "message") width = to_integer(row[2].c_str()) - 4;
    const bool known = std::any_of(needed.begin(), needed.end(),
                                   [&](const Column& column) { return column.name == name; });
    if (!known && row[3].c_str()[0] == 't') {
      refuse(fmt::format("its column {} must have a value, and loadgen has none for it",
                         one_line(name)));
    }
  }
  if (found.empty()) return false;
  if (width >= 0 && width < message_size) {
    refuse(fmt::format("its column message holds {} characters, and --message-size is {}", width,
                       message_size));
  }
  for (const Column& column : needed) {
    const auto at = found.find(column.name);
    if (at == found.end()) refuse(fmt::format("it has no column {}", column.name));
    if (at->second != column.type && at->second != column.other_type) {
      refuse(
          fmt::format("its column {} is of type {}, not {}", column.name, at->second, column.type));
    }
  }
  return true;
}

// A crash of the server empties an unlogged table. So it does with an unlogged partition.
bool is_unlogged(pqxx::work& work, const std::string& table) {
  const pqxx::result found = work.exec(fmt::format(
      "WITH RECURSIVE tree(oid) AS (SELECT to_regclass({})::oid UNION "
      "SELECT inhrelid FROM pg_inherits JOIN tree ON inhparent = tree.oid) "
      "SELECT 1 FROM pg_class JOIN tree USING (oid) WHERE relpersistence <> 'p' LIMIT 1",
      work.quote(quote_identifier(table))));
  return !found.empty();
}

class PostgresTarget final : public Target {
 public:
  PostgresTarget(TargetConfig config, Clock& clock)
      : config_(std::move(config)),
        access_{complete_conninfo(config_.address), secrets_in(config_.address)},
        clock_(clock) {}

  void open() override;
  [[nodiscard]] TargetInfo info() const override { return info_; }
  std::unique_ptr<Sink> connect(const RunIdentity& run, const std::stop_token& stop) override;
  void record_start(const RunRecord& record) override;
  void record_end(std::int64_t run_id, WallTime ended_at, const std::string& result_json) override;
  std::optional<RecordedRun> find_run(std::optional<std::int64_t> run_id) override;
  [[nodiscard]] bool can_read_back() const override { return true; }
  void read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) override;
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
  const PostgresAccess access_;
  Clock& clock_;
  TargetInfo info_{.kind = "postgres", .version = "unknown"};  // completed by open()
  std::stop_source interrupted_;
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
    const bool has_messages =
        check_columns(work, config_.table, kMessageColumns, config_.message_size);
    const bool has_runs = check_columns(work, "loadgen_runs", kRunColumns, 0);
    const bool has_ledger = check_columns(work, "loadgen_ledger", kLedgerColumns, 0);
    // CREATE TABLE IF NOT EXISTS asks for the right to create even where the table exists.
    if (!has_messages || !has_runs || !has_ledger) {
      work.exec(schema_for_table(schema::kPostgres, config_.table));
    }
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
    // An attempt before this one may have been committed when its session was lost.
    work.exec(fmt::format(
        "INSERT INTO loadgen_runs (run_id, app_version, table_name, started_at, config) "
        "VALUES ({}, {}, {}, {}, {}) ON CONFLICT (run_id) DO NOTHING",
        record.run_id, work.quote(record.app_version), work.quote(config_.table),
        sql_timestamp(record.started_at), work.quote(record.config_json)));
    const pqxx::result own =
        work.exec(fmt::format("SELECT 1 FROM loadgen_runs WHERE run_id = {} AND started_at = {}",
                              record.run_id, sql_timestamp(record.started_at)));
    if (own.empty()) {
      throw SetupError(fmt::format("another run is recorded as run {}", record.run_id));
    }
  });
}

void PostgresTarget::record_end(std::int64_t run_id, WallTime ended_at,
                                const std::string& result_json) {
  transact(kFinishLockWait, [&](pqxx::work& work) {
    work.exec(fmt::format("UPDATE loadgen_runs SET ended_at = {}, result = {} WHERE run_id = {}",
                          sql_timestamp(ended_at), work.quote(result_json), run_id));
  });
}

std::optional<RecordedRun> PostgresTarget::find_run(std::optional<std::int64_t> run_id) {
  std::optional<RecordedRun> found;
  transact(kFindLockWait, [&](pqxx::work& work) {
    const pqxx::result rows = work.exec(fmt::format(
        "SELECT run_id, table_name, config::text, coalesce(result::text, ''), "
        "(SELECT count(*) FROM loadgen_ledger l WHERE l.run_id = r.run_id), "
        "(SELECT coalesce(sum(rows), 0) FROM loadgen_ledger l WHERE l.run_id = r.run_id) "
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
  });
  return found;
}

void PostgresTarget::read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) {
  const bool texts = content == RowContent::kTexts;
  transact_restarting(kFinishLockWait, [&](pqxx::work& work, TimeLimit& silence) {
    // A cursor, so that memory does not grow with the table.
    work.exec(fmt::format(
        "DECLARE stored NO SCROLL CURSOR FOR SELECT sequence{} FROM {} WHERE run_id = {}",
        texts ? ", producer, message" : "", quote_identifier(config_.table), run_id));
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
