// What loadgen needs of its tables in Postgres, and finds out about those that are there.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>

namespace loadgen {

// Returns whether all tables are there. Throws SetupError when one is there that does not fit: by
// its columns, or by its unique keys, on which it rests that a frame is stored once.
bool check_tables(pqxx::work& work, const std::string& messages, std::uint32_t message_size);

// Where the ledger was found that unqualified statements write to.
std::string ledger_schema(pqxx::work& work);

// Row level security is in force for us, and COPY then refuses to write.
bool is_row_security_active(pqxx::work& work, const std::string& table);

// A crash of the server empties an unlogged table. So it does with an unlogged partition.
bool is_unlogged(pqxx::work& work, const std::string& table);

// As SqlSession::ids_ascend_up_to().
std::optional<std::int64_t> ids_ascend_up_to(pqxx::work& work, const std::string& table);

}  // namespace loadgen
