#include "sink/postgres_tables.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "sink/table_columns.h"
#include "sink/target_config.h"
#include "sink/unique_key.h"

namespace loadgen {
namespace {

// Binary formats allow no conversion.
constexpr std::array kMessageColumns{NeededColumn{"message", "character varying", "text"},
                                     NeededColumn{"created_at", "timestamp with time zone"},
                                     NeededColumn{"run_id", "bigint"},
                                     NeededColumn{"sequence", "bigint"},
                                     NeededColumn{"producer", "integer"},
                                     NeededColumn{"id", "bigint", "integer"}};
constexpr std::array kLedgerColumns{NeededColumn{"run_id", "bigint"},
                                    NeededColumn{"frame", "bigint"},
                                    NeededColumn{"rows", "integer"}};
constexpr std::array kRunColumns{NeededColumn{"run_id", "bigint"},
                                 NeededColumn{"app_version", "text"},
                                 NeededColumn{"table_name", "text"},
                                 NeededColumn{"started_at", "timestamp with time zone"},
                                 NeededColumn{"ended_at", "timestamp with time zone"},
                                 NeededColumn{"config", "jsonb"},
                                 NeededColumn{"result", "jsonb"}};

// Returns whether the table exists; throws SetupError when it exists and does not fit.
bool check_columns(pqxx::work& work, const std::string& table, std::span<const NeededColumn> needed,
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
  // The type modifier of varchar(n) is n + 4, and -1 without a limit.
  const pqxx::result rows = work.exec(
      fmt::format("SELECT attname, format_type(atttypid, NULL), greatest(atttypmod - 4, -1), "
                  "attnotnull AND NOT atthasdef AND attidentity = '' FROM pg_attribute "
                  "WHERE attrelid = to_regclass({}) AND attnum > 0 AND NOT attisdropped",
                  relation));
  std::vector<FoundColumn> found;
  for (const auto& row : rows) {
    found.push_back({.name = row[0].c_str(),
                     .type = row[1].c_str(),
                     .needs_value = row[3].c_str()[0] == 't',
                     .width = to_integer(row[2].c_str())});
  }
  if (found.empty()) return false;
  if (const std::string why = misfit(found, needed, message_size); !why.empty()) refuse(why);
  return true;
}

void check_key(pqxx::work& work, const std::string& table, const UniqueKey& key) {
  const pqxx::result unique = work.exec(fmt::format(
      "SELECT relname, indisunique AND held = {0}, indisunique AND held = {0} AND "
      "indnkeyatts = {0} AND indisvalid AND indisready AND indimmediate AND indpred IS NULL "
      "FROM (SELECT *, (SELECT count(*) FROM pg_attribute WHERE attrelid = indrelid AND "
      "attname IN ({1}) AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1])) AS held "
      "FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
      "WHERE indrelid = to_regclass({2}) AND (indisunique OR indisexclusion)) AS found",
      key.count, key.names, work.quote(table)));
  bool has_key = false;
  for (const auto& row : unique) {
    has_key |= row[2].c_str()[0] == 't';
    if (row[1].c_str()[0] != 't') {
      throw SetupError(
          fmt::format("table {} does not fit: its unique key {} may refuse what was "
                      "never stored; drop it, or use another database or schema",
                      table, one_line(row[0].c_str())));
    }
  }
  if (!has_key) {
    throw SetupError(
        fmt::format("table {0} does not fit: no unique key on ({1}) is in force at "
                    "once for all rows; CREATE UNIQUE INDEX ON {0} ({1}) makes one",
                    table, key.columns));
  }
}

// A conflict's error would name the partition, and so not be recognised as one of the ledger.
void check_is_not_partitioned(pqxx::work& work, const std::string& table) {
  const pqxx::result found = work.exec(fmt::format(
      "SELECT 1 FROM pg_class WHERE oid = to_regclass({}) AND relkind = 'p'", work.quote(table)));
  if (found.empty()) return;
  throw SetupError(fmt::format(
      "table {} does not fit: it is partitioned; use another database or schema", table));
}

}  // namespace

bool check_tables(pqxx::work& work, const std::string& messages, std::uint32_t message_size) {
  const bool has_messages = check_columns(work, messages, kMessageColumns, message_size);
  const bool has_runs = check_columns(work, "loadgen_runs", kRunColumns, 0);
  const bool has_ledger = check_columns(work, "loadgen_ledger", kLedgerColumns, 0);
  if (has_runs) check_key(work, "loadgen_runs", kRunKey);
  if (has_ledger) {
    check_is_not_partitioned(work, "loadgen_ledger");
    check_key(work, "loadgen_ledger", kLedgerKey);
  }
  return has_messages && has_runs && has_ledger;
}

std::string ledger_schema(pqxx::work& work) {
  return work
      .exec(
          "SELECT relnamespace::regnamespace::name FROM pg_class "
          "WHERE oid = to_regclass('loadgen_ledger')")[0][0]
      .c_str();
}

bool is_row_security_active(pqxx::work& work, const std::string& table) {
  const pqxx::result active =
      work.exec(fmt::format("SELECT row_security_active({})", work.quote(quote_identifier(table))));
  return active[0][0].c_str()[0] == 't';
}

bool is_unlogged(pqxx::work& work, const std::string& table) {
  const pqxx::result found = work.exec(fmt::format(
      "WITH RECURSIVE tree(oid) AS (SELECT to_regclass({})::oid UNION "
      "SELECT inhrelid FROM pg_inherits JOIN tree ON inhparent = tree.oid) "
      "SELECT 1 FROM pg_class JOIN tree USING (oid) WHERE relpersistence <> 'p' LIMIT 1",
      work.quote(quote_identifier(table))));
  return !found.empty();
}

std::optional<std::int64_t> ids_ascend_up_to(pqxx::work& work, const std::string& table) {
  // Requires that the column is an identity whose sequence only ascends, for every session, that it
  // is the first of an index, and that no trigger, rule or child table moves or copies rows.
  const pqxx::result sequence = work.exec(
      fmt::format("SELECT CASE WHEN has_sequence_privilege(seqrelid, 'SELECT, USAGE') "
                  "THEN pg_sequence_last_value(seqrelid) END "
                  "FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'id' "
                  "JOIN pg_index ON indrelid = pg_class.oid AND indkey[0] = attnum "
                  "JOIN pg_sequence ON seqrelid = pg_get_serial_sequence({0}, 'id')::regclass "
                  "WHERE pg_class.oid = to_regclass({0}) AND relkind = 'r' AND attidentity <> '' "
                  "AND NOT (relhastriggers OR relhasrules OR relhassubclass) AND indisprimary "
                  "AND seqincrement > 0 AND seqcache = 1 AND NOT seqcycle",
                  work.quote(quote_identifier(table))));
  if (sequence.empty() || sequence[0][0].is_null()) return std::nullopt;
  // Rows inserted by hand may have larger ids, which the sequence has not reached yet.
  return to_integer(sequence[0][0].c_str());
}

}  // namespace loadgen
