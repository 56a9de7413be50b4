#include "sink/sqlite_tables.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/redact.h"
#include "sink/table_columns.h"
#include "sink/unique_key.h"

namespace loadgen {
namespace {

// In alphabetical order; the error names the first missing one.
constexpr std::array kMessageColumns{NeededColumn{"created_at"}, NeededColumn{"id"},
                                     NeededColumn{"message"},    NeededColumn{"producer"},
                                     NeededColumn{"run_id"},     NeededColumn{"sequence"}};
constexpr std::array kLedgerColumns{NeededColumn{"frame"}, NeededColumn{"rows"},
                                    NeededColumn{"run_id"}};
constexpr std::array kRunColumns{NeededColumn{"app_version"}, NeededColumn{"config"},
                                 NeededColumn{"ended_at"},    NeededColumn{"result"},
                                 NeededColumn{"run_id"},      NeededColumn{"started_at"},
                                 NeededColumn{"table_name"}};

void check_columns(const SqliteConnection& connection, const std::string& table,
                   std::span<const NeededColumn> needed) {
  const auto refuse = [&](const std::string& why) {
    throw SetupError(fmt::format("table {} does not fit: {}; use --table to name another",
                                 one_line(table), why));
  };
  SqliteStatement kind = connection.prepare(
      "SELECT type FROM sqlite_master WHERE name = ?1 COLLATE NOCASE AND type IN ('table', "
      "'view')");
  kind.bind(1, table);
  int code = SQLITE_OK;
  const bool is_there = kind.step(code);
  if (!is_there && code != SQLITE_OK) connection.fail(code);
  if (is_there && kind.text(0) != "table") refuse(fmt::format("it is a {}", kind.text(0)));
  SqliteStatement columns = connection.prepare(
      "SELECT name, \"notnull\" AND dflt_value IS NULL AND pk = 0 FROM pragma_table_info(?1)");
  columns.bind(1, table);
  std::vector<FoundColumn> found;
  while (columns.step(code)) {
    found.push_back({.name = std::string(columns.text(0)), .needs_value = columns.integer(1) != 0});
  }
  if (code != SQLITE_OK) connection.fail(code);
  if (found.empty()) return;  // there is no such table
  if (const std::string why = misfit(found, needed, 0); !why.empty()) refuse(why);
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

std::optional<std::int64_t> ids_ascend_up_to(const SqliteConnection& connection,
                                             const std::string& table) {
  // Requires that the column is the rowid, which needs no index, and that no trigger moves or
  // copies rows.
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
  // After the largest possible id, SQLite assigns any free one.
  return ascends ? std::optional(INT64_MAX - 1) : std::nullopt;
}

}  // namespace loadgen
