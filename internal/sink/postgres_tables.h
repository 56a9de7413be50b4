// What loadgen needs of its tables in Postgres, and finds out about those that are there.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "sink/last_row.h"

namespace loadgen {

// The value of an integer column, as libpqxx gives it.
std::int64_t to_integer(std::string_view text);

// Returns whether all tables are there. Throws SetupError when one is there that does not fit: by
// its columns, or by its unique keys, on which it rests that a frame is stored once.
bool check_tables(pqxx::work& work, const std::string& messages, std::uint32_t message_size);

// Where the ledger was found that unqualified statements write to.
std::string ledger_schema(pqxx::work& work);

// Row level security is in force for us, and COPY then refuses to write.
bool is_row_security_active(pqxx::work& work, const std::string& table);

// A crash of the server empties an unlogged table. So it does with an unlogged partition.
bool is_unlogged(pqxx::work& work, const std::string& table);

// The last row of a table whose new rows get larger ids; nullopt when that is not certain, or the
// table is empty. Reads a few pages.
std::optional<LastRow> find_last_row(pqxx::work& work, const std::string& table);

// It is still there: nobody has emptied the table since, nor numbered its rows anew.
bool is_there(pqxx::work& work, const std::string& table, const LastRow& row);

}  // namespace loadgen
