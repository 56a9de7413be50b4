#include "sink/sqlite_tables.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/redact.h"
#include "sink/target_config.h"
#include "sink/unique_key.h"

namespace loadgen {
namespace {

constexpr std::array<std::string_view, 6> kMessageColumns{"id",     "message",  "created_at",
                                                          "run_id", "sequence", "producer"};
constexpr std::array<std::string_view, 3> kLedgerColumns{"run_id", "frame", "rows"};
constexpr std::array<std::string_view, 7> kRunColumns{
    "run_id", "app_version", "table_name", "started_at", "ended_at", "config", "result"};

void check_columns(const SqliteConnection& connection, const std::string& table,
                   std::span<const std::string_view> needed) {
  SqliteStatement kind = connection.prepare(
      "SELECT type FROM sqlite_master WHERE name = ?1 COLLATE NOCASE AND type IN ('table', "
      "'view')");
  kind.bind(1, table);
  int code = SQLITE_OK;
  const bool is_there = kind.step(code);
  if (!is_there && code != SQLITE_OK) connection.fail(code);
  if (is_there && kind.text(0) != "table") {
    throw SetupError(fmt::format("table {} does not fit: it is a {}; use --table to name another",
                                 one_line(table), kind.text(0)));
  }
  SqliteStatement columns = connection.prepare(
      "SELECT name, \"notnull\" AND dflt_value IS NULL AND pk = 0 FROM pragma_table_info(?1)");
  columns.bind(1, table);
  std::set<std::string, std::less<>> missing(needed.begin(), needed.end());
  bool exists = false;
  while (columns.step(code)) {
    exists = true;
    const std::string name(columns.text(0));
    const bool known = missing.erase(name) > 0;
    if (!known && columns.integer(1) != 0) {
      throw SetupError(fmt::format(
          "table {} does not fit: its column {} must have a value, and loadgen has none "
          "for it; use --table to name another",
          one_line(table), one_line(name)));
    }
  }
  if (code != SQLITE_OK) connection.fail(code);
  if (exists && !missing.empty()) {
    throw SetupError(
        fmt::format("table {} does not fit: it has no column {}; use --table to name another",
                    one_line(table), *missing.begin()));
  }
}

void check_key(const SqliteConnection& connection, const std::string& table, const UniqueKey& key) {
  // A primary key of one INTEGER has no index.
  SqliteStatement unique = connection.prepare(
      fmt::format("SELECT 'its primary key', count(*), sum(name COLLATE NOCASE IN ({0})), 0 "
                  "FROM pragma_table_info(?1) WHERE pk > 0 GROUP BY pk > 0 "
                  "UNION ALL SELECT 'its unique key ' || list.name, count(*), "
                  "sum(coalesce(info.name, '') COLLATE NOCASE IN ({0})), list.partial "
                  "FROM pragma_index_list(?1) AS list, pragma_index_info(list.name) AS info "
                  "WHERE list.\"unique\" GROUP BY list.name",
                  key.names));
  unique.bind(1, table);
  int code = SQLITE_OK;
  bool has_key = false;
  bool exists = false;
  while (unique.step(code)) {
    exists = true;
    const bool holds_all = unique.integer(2) == key.count;
    has_key |= holds_all && unique.integer(1) == key.count && unique.integer(3) == 0;
    if (!holds_all) {
      throw SetupError(
          fmt::format("table {} does not fit: {} may refuse what was never stored; "
                      "drop it, or use another database",
                      table, one_line(std::string(unique.text(0)))));
    }
  }
  if (code != SQLITE_OK) connection.fail(code);
  if (!exists) {
    SqliteStatement columns = connection.prepare("SELECT 1 FROM pragma_table_info(?1)");
    columns.bind(1, table);
    exists = columns.step(code);
    if (!exists && code != SQLITE_OK) connection.fail(code);
  }
  if (exists && !has_key) {
    throw SetupError(
        fmt::format("table {0} does not fit: it has no unique key on ({1}); "
                    "CREATE UNIQUE INDEX {0}_key ON {0} ({1}) makes one",
                    table, key.columns));
  }
}

}  // namespace

void check_tables(const SqliteConnection& connection, const std::string& messages) {
  check_columns(connection, messages, kMessageColumns);
  check_columns(connection, "loadgen_runs", kRunColumns);
  check_columns(connection, "loadgen_ledger", kLedgerColumns);
  check_key(connection, "loadgen_runs", kRunKey);
  check_key(connection, "loadgen_ledger", kLedgerKey);
}

std::optional<LastRow> find_last_row(const SqliteConnection& connection, const std::string& table) {
  // The column is the rowid, for then it needs no index; and no trigger moves or copies rows. After
  // the largest id SQLite gives any that is free.
  SqliteStatement ascending = connection.prepare(
      "SELECT 1 FROM pragma_table_info(?1) WHERE name = 'id' AND pk = 1 "
      "AND type = 'INTEGER' COLLATE NOCASE "
      "AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk') "
      "AND NOT EXISTS (SELECT 1 FROM sqlite_master "
      "WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE)");
  ascending.bind(1, table);
  int code = SQLITE_OK;
  const bool ascends = ascending.step(code);
  if (!ascends && code != SQLITE_OK) connection.fail(code);
  if (!ascends) return std::nullopt;
  SqliteStatement last = connection.prepare("SELECT id, run_id, sequence FROM " +
                                            quote_identifier(table) + " ORDER BY id DESC LIMIT 1");
  const bool has_rows = last.step(code);
  if (!has_rows && code != SQLITE_OK) connection.fail(code);
  if (!has_rows || last.integer(0) == INT64_MAX) return std::nullopt;
  return LastRow{last.integer(0), last.integer(1), last.integer(2)};
}

bool is_there(const SqliteConnection& connection, const std::string& table, const LastRow& row) {
  SqliteStatement find = connection.prepare("SELECT 1 FROM " + quote_identifier(table) +
                                            " WHERE id = ?1 AND run_id = ?2 AND sequence = ?3");
  find.bind(1, row.id);
  find.bind(2, row.run_id);
  find.bind(3, row.sequence);
  int code = SQLITE_OK;
  const bool found = find.step(code);
  if (!found && code != SQLITE_OK) connection.fail(code);
  return found;
}

}  // namespace loadgen
