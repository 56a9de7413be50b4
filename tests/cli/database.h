// A database as another of its clients sees it: what a test arranges and reads beside the program,
// over the database's own C library.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/temp_dir.h"

struct sqlite3;
struct pg_conn;

namespace loadgen {

class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  virtual ~Database() = default;

  // For --db.
  [[nodiscard]] virtual std::string address() const = 0;
  // Throws std::runtime_error with the database's message. NULL is "NULL".
  virtual std::vector<std::vector<std::string>> rows(const std::string& sql) = 0;
  // Locks out every writer until unlock().
  virtual void lock(const std::string& table) = 0;
  // Microseconds since 1970, as an SQL expression.
  [[nodiscard]] virtual std::string created_at_us() const = 0;

  void execute(const std::string& sql) { rows(sql); }
  std::string value(const std::string& sql) { return rows(sql).at(0).at(0); }
  std::int64_t number(const std::string& sql) { return std::stoll(value(sql)); }
  void unlock() { execute("ROLLBACK"); }
  // Returns once the table has this many rows; false when that does not come within 30 s.
  bool await_rows(const std::string& table, std::int64_t count);
};

// A file in a directory of its own, made here.
class SqliteDatabase final : public Database {
 public:
  SqliteDatabase() : SqliteDatabase("database.db") {}
  explicit SqliteDatabase(const std::string& name);
  ~SqliteDatabase() override;

  [[nodiscard]] std::string address() const override { return "sqlite:" + path(); }
  [[nodiscard]] std::string path() const { return directory_.file(name_); }
  [[nodiscard]] const TempDir& directory() const { return directory_; }
  std::vector<std::vector<std::string>> rows(const std::string& sql) override;
  void lock(const std::string& table) override;
  [[nodiscard]] std::string created_at_us() const override { return "created_at"; }

  // Lets go of the file until it is next used.
  void close();

 private:
  TempDir directory_;
  std::string name_;
  sqlite3* connection_ = nullptr;
};

// A database of its own on the tests' server, gone at the end with the roles made for it.
class PostgresDatabase final : public Database {
 public:
  explicit PostgresDatabase(const std::string& server);
  ~PostgresDatabase() override;

  [[nodiscard]] std::string address() const override { return address_as("", ""); }
  // As another user; a keyword string, and the same as a URI.
  [[nodiscard]] std::string address_as(const std::string& user, const std::string& password) const;
  [[nodiscard]] std::string uri_as(const std::string& user, const std::string& password) const;
  std::vector<std::vector<std::string>> rows(const std::string& sql) override;
  void lock(const std::string& table) override;
  [[nodiscard]] std::string created_at_us() const override {
    return "(extract(epoch from created_at) * 1000000)::bigint";
  }

  // Returns the new role's name. `rights` as in CREATE ROLE.
  std::string create_role(const std::string& rights);

 private:
  struct Part {
    std::string keyword;
    std::string value;
  };

  std::string server_;
  std::string name_;
  std::vector<Part> parts_;  // of the address
  std::vector<std::string> roles_;
  pg_conn* connection_ = nullptr;
};

// Null, and said so, when there is no server for the tests.
std::unique_ptr<PostgresDatabase> postgres_database();

// The two tables as schema/ describes them.
void create_tables(Database& database, const std::string& schema_file, const std::string& table);

// The table holds exactly what the run's result says it stored, each message once, with its parts
// in their columns. Messages in doubt may be there or not.
void check_stored_rows(Database& database, const nlohmann::json& result,
                       const std::string& quoted_table = "messages");

}  // namespace loadgen
