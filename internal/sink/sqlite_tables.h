// Checks the tables in SQLite and finds out what loadgen must know about them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sink/sqlite_connection.h"

namespace loadgen {

// Throws SetupError when the columns or the unique keys of an existing table do not fit; the unique
// keys make sure that a frame is stored once.
void check_tables(const SqliteConnection& connection, const std::string& messages);

// As SqlSession::ids_ascend_up_to(). Throws ConnectError.
std::optional<std::int64_t> ids_ascend_up_to(const SqliteConnection& connection,
                                             const std::string& table);

}  // namespace loadgen
