#include "cli/database.h"

#include <doctest/doctest.h>
#include <libpq-fe.h>
#include <sqlite3.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "support/postgres.h"
#include "support/process.h"

namespace loadgen {

bool Database::await_rows(const std::string& table, std::int64_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    if (number("SELECT count(*) FROM " + table) >= count) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

SqliteDatabase::SqliteDatabase(const std::string& name) : name_(name) {}

SqliteDatabase::~SqliteDatabase() { close(); }

void SqliteDatabase::close() {
  sqlite3_close(connection_);
  connection_ = nullptr;
}

std::vector<std::vector<std::string>> SqliteDatabase::rows(const std::string& sql) {
  if (connection_ == nullptr) {
    sqlite3_open(path().c_str(), &connection_);
    sqlite3_busy_timeout(connection_, 10'000);
  }
  std::vector<std::vector<std::string>> rows;
  const auto keep = [](void* context, int columns, char** values, char**) {
    auto& row = static_cast<std::vector<std::vector<std::string>>*>(context)->emplace_back();
    for (int i = 0; i < columns; ++i) row.emplace_back(values[i] == nullptr ? "NULL" : values[i]);
    return 0;
  };
  if (sqlite3_exec(connection_, sql.c_str(), keep, &rows, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sql + ": " + sqlite3_errmsg(connection_));
  }
  return rows;
}

void SqliteDatabase::lock(const std::string& /*table*/) { execute("BEGIN IMMEDIATE"); }

namespace {

pg_conn* connect(const std::string& conninfo) {
  pg_conn* connection = PQconnectdb(conninfo.c_str());
  PQsetNoticeProcessor(
      connection, [](void*, const char*) {}, nullptr);
  return connection;
}

std::vector<std::vector<std::string>> query(pg_conn* connection, const std::string& sql) {
  pg_result* result = PQexec(connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  std::vector<std::vector<std::string>> rows;
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& values = rows.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column) {
      const bool null = PQgetisnull(result, row, column) != 0;
      values.emplace_back(null ? "NULL" : PQgetvalue(result, row, column));
    }
  }
  PQclear(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection));
  }
  return rows;
}

std::string quoted_value(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

PostgresDatabase::PostgresDatabase(const std::string& server)
    : server_(server), name_(unique_table()) {
  PQconninfoOption* options = PQconninfoParse(server.c_str(), nullptr);
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const bool is_name = std::string(option->keyword) == "dbname";
    parts_.push_back({option->keyword, is_name ? name_ : option->val});
  }
  PQconninfoFree(options);
  pg_conn* admin = connect(server_);
  query(admin, "CREATE DATABASE " + name_);
  PQfinish(admin);
  connection_ = connect(address());
}

PostgresDatabase::~PostgresDatabase() {
  PQfinish(connection_);
  pg_conn* admin = connect(server_);
  try {
    query(admin, "DROP DATABASE " + name_ + " WITH (FORCE)");
    for (const std::string& role : roles_) query(admin, "DROP ROLE " + role);
  } catch (const std::runtime_error& error) {
    MESSAGE("not cleaned up: " << error.what());
  }
  PQfinish(admin);
}

std::string PostgresDatabase::address_as(const std::string& user,
                                         const std::string& password) const {
  std::string address;
  for (const auto& [keyword, value] : parts_) {
    const bool replaced = (keyword == "user" && !user.empty()) || keyword == "password";
    if (!replaced) address += keyword + "=" + quoted_value(value) + " ";
  }
  if (!user.empty()) address += "user=" + quoted_value(user) + " ";
  if (!password.empty()) address += "password=" + quoted_value(password);
  return address;
}

std::string PostgresDatabase::uri_as(const std::string& user, const std::string& password) const {
  std::string uri = "postgresql://" + user + (password.empty() ? "" : ":" + password) + "@/" +
                    name_ + "?application_name=tests";
  for (const auto& [keyword, value] : parts_) {
    if (keyword == "host" || keyword == "port") uri += "&" + keyword + "=" + value;
  }
  return uri;
}

std::vector<std::vector<std::string>> PostgresDatabase::rows(const std::string& sql) {
  return query(connection_, sql);
}

void PostgresDatabase::lock(const std::string& table) {
  execute("BEGIN");
  execute("LOCK TABLE " + table + " IN SHARE MODE");
}

std::string PostgresDatabase::create_role(const std::string& rights) {
  roles_.push_back(unique_table());
  execute("CREATE ROLE " + roles_.back() + " LOGIN " + rights);
  return roles_.back();
}

std::unique_ptr<PostgresDatabase> postgres_database() {
  const auto server = test_postgres();
  return server ? std::make_unique<PostgresDatabase>(*server) : nullptr;
}

void create_tables(Database& database, const std::string& schema_file, const std::string& table) {
  std::string sql = read_file(std::string(LOADGEN_SOURCE_DIR) + "/schema/" + schema_file);
  const std::string placeholder = ":\"table\"";
  const std::size_t at = sql.find(placeholder, sql.find("CREATE"));
  REQUIRE(at != std::string::npos);
  database.execute(sql.replace(at, placeholder.size(), table));
}

void check_stored_rows(Database& database, const nlohmann::json& result,
                       const std::string& quoted_table) {
  const auto count = [&](const char* name) {
    return result.at("counts").at(name).get<std::int64_t>();
  };
  const auto& config = result.at("config");
  const auto row =
      database
          .rows(
              "SELECT count(*), count(DISTINCT sequence), min(sequence), "
              "max(sequence), min(producer), max(producer), min(length(message)), "
              "max(length(message)) FROM " +
              quoted_table + " WHERE run_id = " + result.at("run_id").get<std::string>())
          .at(0);
  const std::int64_t rows = std::stoll(row[0]);
  CHECK(rows >= count("stored"));
  CHECK(rows <= count("stored") + count("in_doubt"));
  CHECK(row[1] == row[0]);
  if (rows == 0) return;
  CHECK(std::stoll(row[2]) >= 0);
  CHECK(std::stoll(row[3]) < count("scheduled"));
  CHECK(std::stoll(row[4]) >= 0);
  CHECK(std::stoll(row[5]) < config.at("producers").get<std::int64_t>());
  CHECK(std::stoll(row[6]) == config.at("message_size").get<std::int64_t>());
  CHECK(std::stoll(row[7]) == config.at("message_size").get<std::int64_t>());
}

}  // namespace loadgen
