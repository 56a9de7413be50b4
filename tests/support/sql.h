// Plain SQL against a database address, past the code under test.
#pragma once

#include <libpq-fe.h>
#include <sqlite3.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace loadgen {

using SqlRows = std::vector<std::vector<std::string>>;

inline SqlRows sql(const std::string& db, const std::string& statement) {
  SqlRows rows;
  constexpr std::string_view kSqlite = "sqlite:";
  if (db.starts_with(kSqlite)) {
    sqlite3* connection = nullptr;
    sqlite3_open(db.substr(kSqlite.size()).c_str(), &connection);
    sqlite3_busy_timeout(connection, 5000);
    const auto add_row = [](void* list, int columns, char** values, char**) {
      auto& row = static_cast<SqlRows*>(list)->emplace_back();
      for (int i = 0; i < columns; ++i) row.emplace_back(values[i] == nullptr ? "" : values[i]);
      return 0;
    };
    const int code = sqlite3_exec(connection, statement.c_str(), add_row, &rows, nullptr);
    const std::string error = sqlite3_errmsg(connection);
    sqlite3_close(connection);
    if (code != SQLITE_OK) throw std::runtime_error(error + " in " + statement);
    return rows;
  }
  PGconn* connection = PQconnectdb(db.c_str());
  PGresult* result = PQexec(connection, statement.c_str());
  const bool failed =
      PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK;
  const std::string error = PQerrorMessage(connection);
  for (int r = 0; r < PQntuples(result); ++r) {
    auto& row = rows.emplace_back();
    for (int c = 0; c < PQnfields(result); ++c) row.emplace_back(PQgetvalue(result, r, c));
  }
  PQclear(result);
  PQfinish(connection);
  if (failed) throw std::runtime_error(error + " in " + statement);
  return rows;
}

// From now on the table refuses the row with this sequence.
inline void refuse_sequence(const std::string& db, const std::string& table, int sequence) {
  const std::string n = std::to_string(sequence);
  if (db.starts_with("sqlite:")) {
    sql(db, "CREATE TRIGGER refuse_" + table + " BEFORE INSERT ON " + table +
                " WHEN NEW.sequence = " + n + " BEGIN SELECT RAISE(ABORT, 'refused'); END");
  } else {
    sql(db, "ALTER TABLE " + table + " ADD CHECK (sequence <> " + n + ")");
  }
}

}  // namespace loadgen
