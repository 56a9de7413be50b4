// What loadgen needs of its tables in SQLite, and finds out about those that are there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sink/sqlite_connection.h"

namespace loadgen {

// Throws SetupError when a table is there that does not fit: by its columns, or by its unique keys,
// on which it rests that a frame is stored once.
void check_tables(const SqliteConnection& connection, const std::string& messages);

// As SqlSession::ids_ascend_up_to(). Throws ConnectError.
std::optional<std::int64_t> ids_ascend_up_to(const SqliteConnection& connection,
                                             const std::string& table);

}  // namespace loadgen
