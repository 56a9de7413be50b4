// The fastest honest way into SQLite: prepared INSERTs of 50 rows, one transaction a batch, with
// nothing around them. Exits on any error. One thread.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/generator.h"

namespace loadgen {

class BareSqlite {
 public:
  // Creates the file. durability: "full" or "relaxed", as of ./app.
  BareSqlite(const char* file, std::string_view durability);
  ~BareSqlite();
  BareSqlite(const BareSqlite&) = delete;
  BareSqlite& operator=(const BareSqlite&) = delete;

  // Makes and commits rows first, first + 1, ...
  void write(std::uint64_t first, std::uint64_t count);

 private:
  static constexpr std::uint32_t kTextBytes = 64;
  static constexpr std::array<std::size_t, 3> kRows{50, 10, 1};  // of each statement

  void execute(const std::string& sql);
  sqlite3_stmt* prepare(const std::string& sql);
  void run(sqlite3_stmt* statement);

  const Generator generator_{1, kTextBytes};
  sqlite3* db_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  std::array<sqlite3_stmt*, kRows.size()> inserts_{};
  std::array<std::string, kRows[0]> texts_;  // those of one statement
};

}  // namespace loadgen
