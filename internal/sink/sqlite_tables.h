// What loadgen needs of its tables in SQLite, and finds out about those that are there.
#pragma once

#include <optional>
#include <string>

#include "sink/last_row.h"
#include "sink/sqlite_connection.h"

namespace loadgen {

// Throws SetupError when a table is there that does not fit: by its columns, or by its unique keys,
// on which it rests that a frame is stored once.
void check_tables(const SqliteConnection& connection, const std::string& messages);

// The last row of a table whose new rows SQLite gives larger ids; nullopt when that is not certain,
// or the table is empty. Reads a few pages. Throws ConnectError.
std::optional<LastRow> find_last_row(const SqliteConnection& connection, const std::string& table);

// It is still there, and so all ids that were given since are larger.
bool is_there(const SqliteConnection& connection, const std::string& table, const LastRow& row);

}  // namespace loadgen
