// Checks the tables in Postgres and finds out what loadgen must know about them.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>

namespace loadgen {

// Returns whether all tables exist. Throws SetupError when the columns or the unique keys of an
// existing table do not fit; the unique keys make sure that a frame is stored once.
bool check_tables(pqxx::work& work, const std::string& messages, std::uint32_t message_size);

// The schema of the ledger that unqualified statements write to.
std::string ledger_schema(pqxx::work& work);

// Row level security is in force for us, and COPY then refuses to write.
bool is_row_security_active(pqxx::work& work, const std::string& table);

// Whether the table, or one of its partitions, is unlogged: a crash of the server empties those.
bool is_unlogged(pqxx::work& work, const std::string& table);

// As SqlSession::ids_ascend_up_to().
std::optional<std::int64_t> ids_ascend_up_to(pqxx::work& work, const std::string& table);

}  // namespace loadgen
