#include "sink/postgres_sink_base.h"

#include <fmt/format.h>

#include <chrono>

namespace loadgen {
namespace {

// timestamptz counts microseconds from 2000-01-01.
std::int64_t postgres_timestamp(WallTime when) {
  constexpr std::int64_t kPostgresEpoch = 946'684'800'000'000;  // in Unix microseconds
  return unix_microseconds(when) - kPostgresEpoch;
}

}  // namespace

PostgresSink::PostgresSink(const PostgresAccess& access, const TargetConfig& config,
                           const RunIdentity& run, const std::stop_token& stop)
    : connection_(access.conninfo, access.secrets, stop),
      table_(quote_identifier(config.table)),
      ledger_schema_(access.ledger_schema),
      run_(run),
      has_ledger_(config.delivery == Delivery::kExactlyOnce) {
  // The server must also notice when the client is gone, because its session holds locks. A
  // statement_timeout set by the address, the role or the database is not changed.
  require(connection_.execute(
      fmt::format("SET synchronous_commit = {}; SET tcp_keepalives_idle = 10; "
                  "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SELECT "
                  "set_config('statement_timeout', '{}ms', false) "
                  "WHERE current_setting('statement_timeout') = '0'",
                  config.durability == Durability::kFull ? "on" : "off",
                  std::chrono::ceil<std::chrono::milliseconds>(config.write_timeout).count())));
}

void PostgresSink::require(const PostgresResult& result) const {
  if (result.ok()) return;
  const WriteError error =
      result.is_null() ? connection_.error() : result.error(connection_.secrets());
  throw ConnectError(error.message, error);
}

// Row level security refuses a row with the error code of a missing privilege, which would end the
// run.
WriteError PostgresSink::error_of(const PostgresResult& answer) {
  if (answer.is_null()) return connection_.error();
  WriteError error = answer.error(connection_.secrets());
  if (error.code == "42501" && answer.is_plain_error() && is_refused_by_policy()) {
    error.error_class = ErrorClass::kPoison;
  }
  return error;
}

bool PostgresSink::is_refused_by_policy() {
  PostgresParameters parameters;
  parameters.add_borrowed(table_);
  const PostgresResult answer = connection_.execute(
      "SELECT WHERE has_table_privilege(current_user, $1::text, 'INSERT') AND "
      "row_security_active($1::text) AND current_setting('row_security') = 'on'",
      parameters);
  return answer.ok() && answer.rows() == 1;
}

WriteResult PostgresSink::not_written(const PostgresResult& answer) {
  if (is_ledger_conflict(answer)) return {WriteOutcome::kAlreadyWritten};
  return {WriteOutcome::kNotWritten, error_of(answer)};
}

WriteResult PostgresSink::committed(const PostgresResult& answer) {
  if (answer.is_null()) return {WriteOutcome::kInDoubt, connection_.error()};
  if (answer.ok() && answer.tag() != "ROLLBACK") return {};
  if (answer.ok()) {
    return {WriteOutcome::kNotWritten,
            {.code = "25P02", .message = "COMMIT rolled back", .error_class = ErrorClass::kFatal}};
  }
  if (is_ledger_conflict(answer)) return {WriteOutcome::kAlreadyWritten};
  return {answer.is_plain_error() ? WriteOutcome::kNotWritten : WriteOutcome::kInDoubt,
          error_of(answer)};
}

WriteResult PostgresSink::committed(const PostgresResult& answer, std::size_t rows) {
  WriteResult result = committed(answer);
  if (result.outcome != WriteOutcome::kWritten || answer.rows() == rows) return result;
  // Too late to roll back: some rows may be stored, or be in another table.
  return {WriteOutcome::kInDoubt, wrong_count(answer.rows(), rows)};
}

WriteError PostgresSink::wrong_count(std::size_t stored, std::size_t rows) {
  return {.code = "row_count",
          .message = fmt::format("the server stored {} of {} rows: a trigger or a rule on the "
                                 "table drops or redirects them",
                                 stored, rows),
          .error_class = ErrorClass::kFatal};
}

WriteError PostgresSink::no_ledger_row() {
  return {.code = "row_count",
          .message =
              "loadgen_ledger did not take the frame's row: a trigger or a rule on it drops "
              "or redirects rows",
          .error_class = ErrorClass::kFatal};
}

std::string PostgresSink::ledger_clause(std::string_view run_id, std::size_t first) {
  return fmt::format(
      "WITH ledger AS (INSERT INTO loadgen_ledger (run_id, frame, rows) "
      "VALUES ({}, ${}::bigint, ${}::integer) RETURNING 1) ",
      run_id, first, first + 1);
}

void PostgresSink::add_ledger_parameters(PostgresParameters& parameters, const Frame& frame) {
  parameters.add_integer(static_cast<std::int64_t>(frame.id()));
  parameters.add_integer(static_cast<std::int32_t>(frame.messages.size()));
}

std::int64_t PostgresSink::created_at(const Message& message) const {
  return postgres_timestamp(run_.anchor.wall_at(message.created));
}

}  // namespace loadgen
