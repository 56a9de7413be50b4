#include "bare_sqlite.h"

#include <fmt/format.h>

#include "feed.h"
#include "schema.h"
#include "sink/target_config.h"

namespace loadgen {

BareSqlite::BareSqlite(const char* file, std::string_view durability) {
  if (durability != "full" && durability != "relaxed") die("durability: full or relaxed");
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(file, &db_, kFlags, nullptr) != SQLITE_OK) die(sqlite3_errmsg(db_));
  execute("PRAGMA journal_mode = WAL");
  execute(schema_for_table(schema::kSqlite, "messages"));
  execute(durability == "full" ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  begin_ = prepare("BEGIN IMMEDIATE");
  commit_ = prepare("COMMIT");
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    std::string sql =
        "INSERT INTO messages (message, created_at, run_id, sequence, producer) VALUES ";
    for (std::size_t row = 0; row < kRows[i]; ++row) {
      const std::size_t at = 3 + 2 * row;  // run_id is ?1 and created_at ?2, for all rows
      sql += fmt::format("{}(?{},?2,?1,?{},0)", row == 0 ? "" : ",", at, at + 1);
    }
    inserts_[i] = prepare(sql);
    sqlite3_bind_int64(inserts_[i], 1, now_microseconds());
  }
}

BareSqlite::~BareSqlite() {
  for (sqlite3_stmt* insert : inserts_) sqlite3_finalize(insert);
  sqlite3_finalize(begin_);
  sqlite3_finalize(commit_);
  sqlite3_close(db_);
}

void BareSqlite::write(std::uint64_t first, std::uint64_t count) {
  const std::int64_t created_at = now_microseconds();
  run(begin_);
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    sqlite3_stmt* insert = inserts_[i];
    while (count >= kRows[i]) {
      sqlite3_bind_int64(insert, 2, created_at);
      int parameter = 3;
      for (std::size_t row = 0; row < kRows[i]; ++row, ++first, --count) {
        std::string& text = texts_[row];
        generator_.generate(first, 0, text);
        sqlite3_bind_text(insert, parameter++, text.data(), kTextBytes, SQLITE_STATIC);
        sqlite3_bind_int64(insert, parameter++, static_cast<std::int64_t>(first));
      }
      run(insert);
    }
  }
  run(commit_);
}

void BareSqlite::execute(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    die(sqlite3_errmsg(db_));
  }
}

sqlite3_stmt* BareSqlite::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
      SQLITE_OK) {
    die(sqlite3_errmsg(db_));
  }
  return statement;
}

void BareSqlite::run(sqlite3_stmt* statement) {
  if (sqlite3_step(statement) != SQLITE_DONE) die(sqlite3_errmsg(db_));
  sqlite3_reset(statement);
}

}  // namespace loadgen
