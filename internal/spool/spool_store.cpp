#include "spool/spool_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/redact.h"
#include "base/text_limit.h"
#include "spool/spool_encoding.h"

namespace loadgen {
namespace {

constexpr int kApplicationId = 0x6c677370;  // "lgsp"
constexpr int kFormat = 1;
// Times are at most this far from their run's start, and runs start before 2200, so sums cannot
// overflow.
constexpr nanoseconds kLongestRun = std::chrono::hours(30 * 366 * 24);
constexpr nanoseconds kLatestStart = std::chrono::seconds(7'258'118'400);

bool is_time_of_run(std::int64_t offset_ns) {
  return nanoseconds(offset_ns) >= -kLongestRun && nanoseconds(offset_ns) <= kLongestRun;
}

constexpr const char* kSchema = R"(
CREATE TABLE runs(run_id INTEGER PRIMARY KEY, target TEXT, seed INTEGER, message_size INTEGER,
                  exactly_once INTEGER, all_spooled INTEGER, wall_ns INTEGER,
                  checksum INTEGER);
CREATE TABLE messages(run_id INTEGER, sequence INTEGER, producer INTEGER, due_ns INTEGER,
                      created_ns INTEGER, text BLOB, checksum INTEGER,
                      PRIMARY KEY (run_id, sequence)) WITHOUT ROWID;
CREATE TABLE frames(run_id INTEGER, frame INTEGER, members BLOB, checksum INTEGER,
                    UNIQUE (run_id, frame));
CREATE TABLE accepted(run_id INTEGER, first INTEGER, past INTEGER);
CREATE TABLE given_up(run_id INTEGER, first INTEGER, past INTEGER);
CREATE TABLE damaged(run_id INTEGER, sequence INTEGER, producer INTEGER, due_ns INTEGER,
                     created_ns INTEGER, text BLOB, checksum INTEGER);
)";

std::int64_t ns(TimePoint when, const WallAnchor& anchor) { return (when - anchor.steady).count(); }

std::int64_t run_checksum(const SpooledRun& run, std::int64_t wall_ns) {
  return checksum(std::array{run.run_id, to_signed(run.seed), std::int64_t{run.message_size},
                             std::int64_t{run.exactly_once ? 1 : 0},
                             std::int64_t{run.all_spooled ? 1 : 0}, wall_ns},
                  run.target);
}

std::int64_t wall_nanoseconds(WallTime when) {
  return std::chrono::duration_cast<nanoseconds>(when.time_since_epoch()).count();
}

// SQLite would create a file that all users can read.
void create_private(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) {
    throw UsageError(fmt::format("spool.db in it cannot be opened: {}", std::strerror(errno)));
  }
  close(file);
}

}  // namespace

SpoolStore::SpoolStore(const std::string& path) {
  create_private(path);
  sqlite3* db = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &db,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) fail();
  // What is in the file may be damaged or hostile.
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_busy_timeout(db, 10'000);  // the other connection of this process, at a checkpoint
  execute("PRAGMA cell_size_check = ON");
  check_format();
  execute("PRAGMA synchronous = FULL");
  statements_.emplace(Statements{
      .insert = {db,
                 "INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING"},
      .accept = {db, "INSERT INTO accepted VALUES (?1, ?2, ?3)"},
      .give_up = {db, "INSERT INTO given_up VALUES (?1, ?2, ?3)"},
      .fix = {db, "INSERT OR REPLACE INTO frames VALUES (?1, ?2, ?3, ?4)"},
      .remove = {db, "DELETE FROM messages WHERE run_id = ?1 AND sequence >= ?2 AND sequence < ?3"},
      .remove_frames = {db, "DELETE FROM frames WHERE run_id = ?1 AND frame >= ?2 AND frame < ?3"},
      .keep_damaged = {db,
                       "INSERT INTO damaged SELECT * FROM messages WHERE run_id = ?1 AND "
                       "sequence >= ?2 AND sequence < ?3"}});
}

void SpoolStore::check_format() {
  const auto number = [&](const char* pragma) {
    SqliteStatement statement(db_.get(), pragma);
    int code = SQLITE_OK;
    if (!statement.step(code)) fail();
    return statement.integer(0);
  };
  const auto refuse = [&](const std::string& what) { throw UsageError(what); };
  try {
    const std::int64_t application = number("PRAGMA application_id");
    const std::int64_t format = number("PRAGMA user_version");
    if (application == 0 && format == 0 && number("SELECT count(*) FROM sqlite_schema") == 0) {
      use_wal();
      begin();
      execute(kSchema);
      execute(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str());
      execute(fmt::format("PRAGMA user_version = {}", kFormat).c_str());
      commit();
      return;
    }
    if (application != kApplicationId) refuse("spool.db in it is not a spool of loadgen");
    if (format != kFormat) {
      refuse(fmt::format("spool.db in it is of format {}; this version reads format {}", format,
                         kFormat));
    }
  } catch (const SetupError& error) {
    if ((sqlite3_errcode(db_.get()) & 0xff) == SQLITE_NOTADB)
      refuse("spool.db in it is not a spool of loadgen");
    throw;
  }
}

void SpoolStore::use_wal() {
  SqliteStatement statement(db_.get(), "PRAGMA journal_mode = WAL");
  int code = SQLITE_OK;
  if (!statement.step(code)) fail();
  if (statement.text(0) != "wal") {
    throw UsageError("its file system cannot hold it: SQLite finds no shared memory there");
  }
}

void SpoolStore::fail() const {
  const int code = sqlite3_extended_errcode(db_.get());
  throw SetupError(code == SQLITE_FULL
                       ? std::string("its disk is full; make room, or copy it to another disk")
                       : fmt::format("{} ({})", one_line(sqlite3_errmsg(db_.get())), code));
}

void SpoolStore::execute(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

void SpoolStore::run(SqliteStatement& statement) {
  if (statement.run() != SQLITE_OK) fail();
}

void SpoolStore::begin() { execute("BEGIN IMMEDIATE"); }
void SpoolStore::commit() { execute("COMMIT"); }
void SpoolStore::rollback() noexcept {
  sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

// The log may hold all pages of a failed commit, and the next process would take them for
// committed. Another commit, however small, overwrites the first of these pages, and without it the
// others are ignored.
bool SpoolStore::overwrite_undone() noexcept {
  const std::string sql = fmt::format("PRAGMA user_version = {}", kFormat);
  return sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
}

bool SpoolStore::is_empty() {
  SqliteStatement statement(db_.get(), "SELECT count(*) FROM runs");
  int code = SQLITE_OK;
  if (!statement.step(code)) fail();
  return statement.integer(0) == 0;
}

void SpoolStore::add_run(const SpooledRun& run) {
  SqliteStatement statement(db_.get(), "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  const std::int64_t wall_ns = wall_nanoseconds(run.anchor.wall);
  statement.bind(1, run.run_id);
  statement.bind(2, run.target);
  statement.bind(3, to_signed(run.seed));
  statement.bind(4, std::int64_t{run.message_size});
  statement.bind(5, std::int64_t{run.exactly_once ? 1 : 0});
  statement.bind(6, std::int64_t{run.all_spooled ? 1 : 0});
  statement.bind(7, wall_ns);
  statement.bind(8, run_checksum(run, wall_ns));
  this->run(statement);
}

std::vector<SpooledRun> SpoolStore::runs(const WallAnchor& now) {
  SqliteStatement statement(db_.get(),
                            "SELECT run_id, target, seed, message_size, exactly_once, all_spooled, "
                            "wall_ns, checksum FROM runs ORDER BY run_id");
  std::vector<SpooledRun> runs;
  int code = SQLITE_OK;
  while (statement.step(code)) {
    const std::int64_t size = statement.integer(3);
    const std::int64_t wall_ns = statement.integer(6);
    if (size < 1 || size > static_cast<std::int64_t>(kLongestText) || wall_ns < 0 ||
        nanoseconds(wall_ns) > kLatestStart) {
      throw SetupError(fmt::format("what it says of run {} is damaged", statement.integer(0)));
    }
    const WallTime wall(std::chrono::duration_cast<WallTime::duration>(nanoseconds(wall_ns)));
    const SpooledRun run{
        .run_id = statement.integer(0),
        .target = std::string(statement.text(1)),
        .seed = to_unsigned(statement.integer(2)),
        .message_size = static_cast<std::uint32_t>(size),
        .exactly_once = statement.integer(4) != 0,
        .all_spooled = statement.integer(5) != 0,
        .anchor = {now.steady + std::chrono::duration_cast<nanoseconds>(wall - now.wall), wall}};
    if (run_checksum(run, wall_ns) != statement.integer(7)) {
      throw SetupError(fmt::format("what it says of run {} is damaged", run.run_id));
    }
    runs.push_back(run);
  }
  if (code != SQLITE_OK) fail();
  return runs;
}

void SpoolStore::remove_run(std::int64_t run_id) {
  for (const char* table : {"runs", "messages", "frames", "accepted", "given_up"}) {
    SqliteStatement statement(db_.get(), fmt::format("DELETE FROM {} WHERE run_id = ?1", table));
    statement.bind(1, run_id);
    run(statement);
  }
}

void SpoolStore::insert(const SpooledRun& run, std::span<const Message> messages) {
  SqliteStatement& statement = statements_->insert;
  statement.bind(1, run.run_id);
  for (const Message& message : messages) {
    const std::array numbers{run.run_id, to_signed(message.sequence),
                             std::int64_t{message.producer}, ns(message.due, run.anchor),
                             ns(message.created, run.anchor)};
    for (std::size_t i = 1; i < numbers.size(); ++i) {
      statement.bind(static_cast<int>(i) + 1, numbers[i]);
    }
    statement.bind_blob(6, message.text);
    statement.bind(7, checksum(numbers, message.text));
    this->run(statement);
  }
  for (const SequenceRange& range : ranges_of(messages)) {
    SqliteStatement& accept = statements_->accept;
    accept.bind(1, run.run_id);
    accept.bind(2, to_signed(range.begin));
    accept.bind(3, to_signed(range.end));
    this->run(accept);
  }
}

void SpoolStore::fix(std::int64_t run_id, std::uint64_t frame, std::span<const Message> messages) {
  const std::string members = encode(ranges_of(messages));
  SqliteStatement& statement = statements_->fix;
  statement.bind(1, run_id);
  statement.bind(2, to_signed(frame));
  statement.bind_blob(3, members);
  statement.bind(4, checksum(std::array{run_id, to_signed(frame)}, members));
  run(statement);
}

void SpoolStore::remove(std::int64_t run_id, SequenceRange range, SpoolEnd end) {
  const auto run_over = [&](SqliteStatement& statement) {
    statement.bind(1, run_id);
    statement.bind(2, to_signed(range.begin));
    statement.bind(3, to_signed(range.end));
    run(statement);
  };
  if (end == SpoolEnd::kDamaged) run_over(statements_->keep_damaged);
  if (end != SpoolEnd::kStored) run_over(statements_->give_up);
  run_over(statements_->remove);
  run_over(statements_->remove_frames);
}

void SpoolStore::compact_journal(std::int64_t run_id) {
  const auto rewrite = [&](const SequenceSet& set, const char* table, SqliteStatement& insert) {
    SqliteStatement clear(db_.get(), fmt::format("DELETE FROM {} WHERE run_id = ?1", table));
    clear.bind(1, run_id);
    run(clear);
    for (const SequenceRange& range : set.ranges()) {
      insert.bind(1, run_id);
      insert.bind(2, to_signed(range.begin));
      insert.bind(3, to_signed(range.end));
      run(insert);
    }
  };
  rewrite(accepted(run_id), "accepted", statements_->accept);
  rewrite(given_up(run_id), "given_up", statements_->give_up);
}

SpoolStore::Batch SpoolStore::read(const SpooledRun& run, SequenceRange range, std::size_t limit) {
  SqliteStatement statement(db_.get(),
                            "SELECT sequence, producer, due_ns, created_ns, text, checksum FROM "
                            "messages WHERE run_id = ?1 AND sequence >= ?2 AND sequence < ?3 "
                            "ORDER BY sequence LIMIT ?4");
  statement.bind(1, run.run_id);
  statement.bind(2, to_signed(range.begin));
  statement.bind(3, to_signed(range.end));
  statement.bind(4, static_cast<std::int64_t>(limit));
  Batch batch;
  int code = SQLITE_OK;
  while (statement.step(code)) {
    const std::array numbers{run.run_id, statement.integer(0), statement.integer(1),
                             statement.integer(2), statement.integer(3)};
    const std::string_view text = statement.text(4);
    if (text.size() > kLongestText || numbers[2] < 0 || numbers[2] > INT32_MAX ||
        !is_time_of_run(numbers[3]) || !is_time_of_run(numbers[4]) ||
        checksum(numbers, text) != statement.integer(5)) {
      batch.damaged.push_back(to_unsigned(numbers[1]));
      continue;
    }
    batch.messages.push_back({.sequence = to_unsigned(numbers[1]),
                              .producer = static_cast<std::uint32_t>(numbers[2]),
                              .due = run.anchor.steady + nanoseconds(numbers[3]),
                              .created = run.anchor.steady + nanoseconds(numbers[4]),
                              .taken = {},
                              .text = std::string(text)});
  }
  if (code != SQLITE_OK) fail();
  return batch;
}

SpoolStore::FixedFrames SpoolStore::fixed_frames(std::int64_t run_id) {
  SqliteStatement statement(
      db_.get(), "SELECT frame, members, checksum FROM frames WHERE run_id = ?1 ORDER BY rowid");
  statement.bind(1, run_id);
  FixedFrames fixed;
  int code = SQLITE_OK;
  while (statement.step(code)) {
    const std::int64_t frame = statement.integer(0);
    const std::string_view bytes = statement.text(1);
    auto members = decode(bytes);
    if (!members || checksum(std::array{run_id, frame}, bytes) != statement.integer(2)) {
      fixed.damaged = true;
    } else {
      fixed.frames.push_back({to_unsigned(frame), *std::move(members)});
    }
  }
  if (code != SQLITE_OK) fail();
  return fixed;
}

SequenceSet SpoolStore::read_journal(const char* sql, std::int64_t run_id) {
  SqliteStatement statement(db_.get(), sql);
  statement.bind(1, run_id);
  SequenceSet set;
  int code = SQLITE_OK;
  while (statement.step(code)) {
    const SequenceRange range{to_unsigned(statement.integer(0)), to_unsigned(statement.integer(1))};
    if (range.end <= INT64_MAX) set.insert(range);
  }
  if (code != SQLITE_OK) fail();
  return set;
}

SequenceSet SpoolStore::accepted(std::int64_t run_id) {
  return read_journal("SELECT first, past FROM accepted WHERE run_id = ?1 ORDER BY first", run_id);
}

SequenceSet SpoolStore::given_up(std::int64_t run_id) {
  return read_journal("SELECT first, past FROM given_up WHERE run_id = ?1 ORDER BY first", run_id);
}

std::uint64_t SpoolStore::count(std::int64_t run_id) {
  SqliteStatement statement(db_.get(), "SELECT count(*) FROM messages WHERE run_id = ?1");
  statement.bind(1, run_id);
  int code = SQLITE_OK;
  if (!statement.step(code)) fail();
  return to_unsigned(statement.integer(0));
}

std::uint64_t SpoolStore::put_away_orphans() {
  begin();
  execute(
      "INSERT INTO damaged SELECT * FROM messages WHERE run_id NOT IN (SELECT run_id FROM runs)");
  execute("DELETE FROM messages WHERE run_id NOT IN (SELECT run_id FROM runs)");
  const std::uint64_t count = to_unsigned(sqlite3_changes64(db_.get()));
  commit();
  return count;
}

}  // namespace loadgen
