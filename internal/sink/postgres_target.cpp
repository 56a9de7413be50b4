#include "sink/postgres_target.h"

#include <fmt/format.h>

#include <pqxx/pqxx>
#include <stop_token>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/redact.h"
#include "base/time_limit.h"
#include "base/units.h"
#include "schema.h"
#include "sink/postgres_address.h"
#include "sink/postgres_pqxx.h"
#include "sink/postgres_sink.h"
#include "sink/postgres_tables.h"
#include "sink/sql_records.h"

namespace loadgen {
namespace {

// Serialises the setup of runs that start together: two CREATE TABLE IF NOT EXISTS can still clash.
constexpr std::int64_t kSetupLock = 0x6c6f616467656e;  // "loadgen"

constexpr Dialect kDialect{
    .timestamp =
        [](WallTime when) {
          return fmt::format("timestamptz 'epoch' + {} * interval '1 microsecond'",
                             unix_microseconds(when));
        },
    .config_text = "config::text",
    .result_text = "result::text",
    .with_last_row =
        [](const std::string& config, const LastRow& row) {
          return fmt::format(
              "{}::jsonb || jsonb_build_object('last_row_before', "
              "jsonb_build_object('id', {}, 'run_id', {}, 'sequence', {}))",
              config, row.id, row.run_id, row.sequence);
        },
    .last_row_field =
        [](std::string_view field) {
          return fmt::format("config #>> '{{last_row_before,{}}}'", field);
        },
    .unless_recorded = " ON CONFLICT (run_id) DO NOTHING",
    // Without statistics, the planner assumes that a third of the rows have larger ids than a given
    // one.
    .prefer_index = "SET LOCAL enable_seqscan = off",
};

// Used within a transaction. Restarts `silence` whenever the server has answered.
class PostgresSession final : public SqlSession {
 public:
  PostgresSession(pqxx::work& work, TimeLimit& silence) : work_(work), silence_(silence) {}

  [[nodiscard]] std::string quote(std::string_view text) const override {
    return work_.quote(std::string(text));
  }

  SqlAnswer query(const std::string& sql) override {
    SqlAnswer answer;
    for (const auto& row : work_.exec(sql)) {
      auto& values = answer.emplace_back();
      for (const auto& value : row) values.emplace_back(value.c_str());
    }
    return answer;
  }

  std::size_t change(const std::string& sql) override {
    return static_cast<std::size_t>(work_.exec(sql).affected_rows());
  }

  void read(const std::string& select, RowContent content, const RowVisitor& visit) override {
    const bool texts = content == RowContent::kTexts;
    work_.exec("DECLARE stored NO SCROLL CURSOR FOR " + select);
    for (;;) {
      const pqxx::result rows = work_.exec("FETCH 10000 FROM stored");
      if (rows.empty()) return;
      silence_.restart();
      for (const auto& row : rows) {
        const auto text = [&](int column) { return std::string_view(row[column].c_str()); };
        const StoredRow stored{to_integer(text(0)), texts ? to_integer(text(1)) : 0,
                               texts ? text(2) : std::string_view()};
        if (!visit(stored)) return;
      }
    }
  }

  std::optional<std::int64_t> ids_ascend_up_to(const std::string& table) override {
    return loadgen::ids_ascend_up_to(work_, table);
  }
  bool hides_rows(const std::string& table) override {
    return is_row_security_active(work_, table);
  }

 private:
  pqxx::work& work_;
  TimeLimit& silence_;
};

class PostgresTarget final : public Target, private SqlDatabase {
 public:
  PostgresTarget(TargetConfig config, Clock& clock)
      : config_(std::move(config)),
        clock_(clock),
        access_{complete_conninfo(config_.address), secrets_in(config_.address), ""} {}

  void open() override;
  [[nodiscard]] TargetInfo info() const override { return info_; }
  [[nodiscard]] std::string place() const override { return place_of(access_.conninfo); }
  std::unique_ptr<Sink> connect(const RunIdentity& run, const std::stop_token& stop) override;
  [[nodiscard]] RunLog* run_log() override { return &records_; }
  [[nodiscard]] RowReader* rows() override { return &records_; }
  // Does not use a cancel request, which would connect, block, and not affect the next statement.
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
    // libpqxx repeats the statement that the server quotes after its message.
    const std::string_view message = error.what();
    return fmt::format("{}: {}", one_line(redact(config_.address)),
                       one_line(message.substr(0, message.find("\nLINE ")), access_.secrets));
  }

  // Each session is new and runs one transaction.
  void in_session(std::chrono::seconds lock_wait, const Work& work) override {
    transact(lock_wait, [&](pqxx::work& transaction, TimeLimit& silence) {
      PostgresSession session(transaction, silence);
      work(session);
    });
  }
  void in_new_session(std::chrono::seconds lock_wait, const Work& work) override {
    in_session(lock_wait, work);
  }

  // Runs action(work, silence) in one transaction on a connection of its own. The connection is
  // ended when `silence` expires: the server has not answered for as long as a write may take.
  template <typename Action>
  void transact(std::chrono::seconds lock_wait, Action action) {
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

  const TargetConfig config_;
  Clock& clock_;
  PostgresAccess access_;                                      // completed by open()
  TargetInfo info_{.kind = "postgres", .version = "unknown"};  // completed by open()
  std::stop_source interrupted_;
  SqlRecords records_{*this, kDialect, config_.table};
};

void PostgresTarget::open() {
  naming_database([&] {
    if (!host_is_known(access_.conninfo)) {
      throw SetupError("could not translate the host name to an address" +
                       password_hint(config_.address));
    }
  });
  transact(kStartLockWait, [&](pqxx::work& work, TimeLimit& /*silence*/) {
    work.exec("SET LOCAL client_min_messages = warning");
    work.exec(fmt::format("SELECT pg_advisory_xact_lock({})", kSetupLock));
    // CREATE TABLE IF NOT EXISTS needs the privilege to create even if the table exists.
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
