// What SqlRecords needs from a database: a Dialect with the SQL that differs between databases, and
// sessions that run statements.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "sink/last_row.h"
#include "sink/row_reader.h"

namespace loadgen {

// Pieces of SQL about the table loadgen_runs.
struct Dialect {
  // A value for the columns started_at and ended_at.
  std::string (*timestamp)(WallTime when);
  // The columns config and result, as text.
  std::string_view config_text;
  std::string_view result_text;
  // `config`, a quoted value, with `row` added to it as last_row_before.
  std::string (*with_last_row)(const std::string& config, const LastRow& row);
  // This field of last_row_before in the column config; NULL if there is none.
  std::string (*last_row_field)(std::string_view field);
  // The end of an INSERT that may be repeated, because a session can be lost while it commits;
  // empty if that cannot happen.
  std::string_view unless_recorded;
  // A statement that makes the session use the index to search a range of ids; empty if none is
  // needed.
  std::string_view prefer_index;
};

// The rows of a short answer, each a list of its values as text; NULL is "".
using SqlAnswer = std::vector<std::vector<std::string>>;

// A session belongs to one thread. Every call blocks for the database. SqlDatabase turns what a
// call throws into a SetupError or ConnectError.
class SqlSession {
 public:
  SqlSession() = default;
  SqlSession(const SqlSession&) = delete;
  SqlSession& operator=(const SqlSession&) = delete;
  virtual ~SqlSession() = default;

  // The text as a literal; for names use quote_identifier().
  [[nodiscard]] virtual std::string quote(std::string_view text) const = 0;
  virtual SqlAnswer query(const std::string& sql) = 0;
  // Returns how many rows the statement wrote.
  virtual std::size_t change(const std::string& sql) = 0;
  // Visits each row of a SELECT of the column sequence and, with kTexts, of producer and message.
  // Memory does not grow with the rows.
  virtual void read(const std::string& select, RowContent content, const RowVisitor& visit) = 0;

  // New rows get larger ids than the last row as long as the last row's id is not above the
  // returned value; nullopt: new rows may get smaller ids.
  virtual std::optional<std::int64_t> ids_ascend_up_to(const std::string& table) = 0;
  // Whether a policy may hide rows of the table from us.
  virtual bool hides_rows(const std::string& table) = 0;
};

// Thread-safety, blocking and errors are those of its target: see sink.h.
class SqlDatabase {
 public:
  using Work = std::function<void(SqlSession&)>;

  SqlDatabase() = default;
  SqlDatabase(const SqlDatabase&) = delete;
  SqlDatabase& operator=(const SqlDatabase&) = delete;
  virtual ~SqlDatabase() = default;

  // Runs `work` in a session that waits at most `lock_wait` for locks of others. Needs open() or
  // in_new_session().
  virtual void in_session(std::chrono::seconds lock_wait, const Work& work) = 0;
  // Likewise, in a session that needs no open() and creates nothing.
  virtual void in_new_session(std::chrono::seconds lock_wait, const Work& work) = 0;
  // See Target::check_is_in_place().
  virtual void check_is_in_place() const {}
};

}  // namespace loadgen
