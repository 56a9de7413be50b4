// What loadgen needs of its tables in SQLite, and finds out about those that are there.
#pragma once

#include <string>

#include "sink/sqlite_connection.h"

namespace loadgen {

// Throws SetupError when a table is there that does not fit: by its columns, or by its unique keys,
// on which it rests that a frame is stored once.
void check_tables(const SqliteConnection& connection, const std::string& messages);

}  // namespace loadgen
