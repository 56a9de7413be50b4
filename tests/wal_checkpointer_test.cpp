#include "sink/wal_checkpointer.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/temp_dir.h"

using namespace loadgen;

namespace {

constexpr std::uintmax_t kPageSize = 4096;

// A row fills a page.
void commit_rows(SqliteConnection& connection, int rows) {
  connection.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
                     std::to_string(rows) + ") INSERT INTO t SELECT zeroblob(4000) FROM n");
}

// A database in WAL mode, read by `other`.
struct Bench {
  Bench() {
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE t (b)");
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    checkpointer.serve(connection);
    other.execute("SELECT * FROM t");  // before it has read anything it knows of no log
  }

  // One commit that adds at least so many pages to the log, and few more.
  void commit_pages(int pages) { commit_rows(connection, pages); }
  [[nodiscard]] std::uintmax_t pages_moved() const {
    return std::filesystem::file_size(file) / kPageSize;
  }
  [[nodiscard]] std::uintmax_t pages_in_log() const {
    return std::filesystem::file_size(file + "-wal") / kPageSize;
  }

  TempDir dir;
  const std::string file = dir.file("x.db");
  SteadyClock clock;
  LockPatience patience{.clock = clock, .stop = {}};
  WalCheckpointer checkpointer;
  SqliteConnection connection{file, patience};
  SqliteConnection other{file, patience};
};

}  // namespace

TEST_CASE("wal checkpointer: commits do not move a long log, and a call moves only a long one") {
  Bench bench;
  bench.commit_pages(900);
  bench.checkpointer.checkpoint_if_due(bench.other);
  CHECK(bench.pages_moved() < 10);
  bench.commit_pages(300);
  CHECK(bench.pages_moved() < 10);
  bench.checkpointer.checkpoint_if_due(bench.other);
  CHECK(bench.pages_moved() >= 1200);
  const auto moved = bench.pages_moved();
  bench.commit_pages(50);  // the log begins anew
  bench.checkpointer.checkpoint_if_due(bench.other);
  CHECK(bench.pages_moved() == moved);
  bench.commit_pages(1000);
  bench.checkpointer.checkpoint_if_due(bench.other);
  CHECK(bench.pages_moved() >= moved + 1000);
}

TEST_CASE("wal checkpointer: a log that goes on is moved again when it is that much longer") {
  Bench bench;
  SqliteConnection reader(bench.file, bench.patience);
  const auto begin_to_read = [&] { reader.execute("BEGIN; SELECT count(*) FROM t"); };
  bench.commit_pages(1200);
  begin_to_read();
  bench.checkpointer.checkpoint_if_due(bench.other);
  const auto moved = bench.pages_moved();
  CHECK(moved >= 1200);
  for (const int pages : {900, 200}) {
    bench.commit_pages(pages);
    reader.execute("COMMIT");
    begin_to_read();  // of what is now the log's end, so it can be moved but not begin anew
    bench.checkpointer.checkpoint_if_due(bench.other);
    CHECK((bench.pages_moved() > moved) == (pages == 200));
  }
}

TEST_CASE("wal checkpointer: a commit moves the log when no consumer does") {
  Bench bench;
  for (int i = 0; i < 300; ++i) bench.commit_pages(100);
  CHECK(bench.pages_in_log() >= 4000);
  CHECK(bench.pages_in_log() < 5000);
  CHECK(bench.pages_moved() >= 20'000);
}

TEST_CASE("wal checkpointer: a reader makes the log grow, and it begins anew when he has gone") {
  Bench bench;
  bench.commit_pages(10);
  bench.other.execute("BEGIN; SELECT count(*) FROM t");
  for (int i = 0; i < 80; ++i) bench.commit_pages(100);
  CHECK(bench.pages_in_log() >= 8000);
  bench.other.execute("COMMIT");
  for (int i = 0; i < 30; ++i) bench.commit_pages(100);
  const auto longest = bench.pages_in_log();
  CHECK(bench.pages_moved() >= 8000);
  for (int i = 0; i < 80; ++i) bench.commit_pages(100);
  CHECK(bench.pages_in_log() == longest);
}

TEST_CASE("wal checkpointer: the log is moved while others write, and nothing is lost") {
  Bench bench;
  constexpr int kThreads = 3;
  constexpr int kCommits = 20;
  constexpr int kRows = 400;
  std::mutex turn;  // to write
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      SqliteConnection connection(bench.file, bench.patience);
      connection.execute("PRAGMA synchronous = OFF");
      bench.checkpointer.serve(connection);
      for (int i = 0; i < kCommits; ++i) {
        {
          const std::lock_guard mine(turn);
          commit_rows(connection, kRows);
        }
        bench.checkpointer.checkpoint_if_due(connection);
      }
    });
  }
  threads.clear();
  CHECK(bench.other.query_value("SELECT count(*) FROM t") ==
        std::to_string(kThreads * kCommits * kRows));
  CHECK(bench.other.query_value("PRAGMA integrity_check") == "ok");
  CHECK(bench.pages_moved() >= 10'000);
  CHECK(bench.pages_in_log() < 10'000);
}
