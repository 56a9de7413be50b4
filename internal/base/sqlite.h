// RAII wrappers for SQLite's C API. A connection and its statements belong to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace loadgen {

struct CloseSqlite {
  void operator()(sqlite3* db) const;
};
using SqliteHandle = std::unique_ptr<sqlite3, CloseSqlite>;

class SqliteStatement {
 public:
  SqliteStatement(sqlite3* db, std::string_view sql);  // throws SetupError

  // Parameters count from 1. Text is borrowed until the next run() or reset().
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, std::string_view text);
  void bind_blob(int parameter, std::string_view bytes);
  // True: there is a row to read. False: done, or failed with `code` other than 0.
  bool step(int& code);
  // Runs to the end and makes the statement ready again; returns SQLite's extended result code.
  int run();
  void reset();
  [[nodiscard]] int columns() const;
  [[nodiscard]] std::int64_t integer(int column) const;
  // Valid until the next step() or reset(); of a blob, its bytes.
  [[nodiscard]] std::string_view text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace loadgen
