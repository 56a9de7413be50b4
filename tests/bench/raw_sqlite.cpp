// One thread, SQLite's C API and nothing else: what ./app --db=sqlite:FILE is measured against.

#include <cstdio>
#include <string>

#include "bare_sqlite.h"
#include "feed.h"

int main(int argc, char** argv) {
  using namespace loadgen;
  if (argc != 5 && argc != 6) {
    die("usage: raw_sqlite NEW_FILE BATCH_SIZE full|relaxed SECONDS [ROWS_PER_S]\n"
        "prints: rows seconds rows_per_s write_p99_us response_p99_us");
  }
  sleep_precisely();
  BareSqlite database(argv[1], argv[3]);
  Feed feed(argc == 6 ? number(argv[5]) : 0, static_cast<std::uint64_t>(number(argv[2])),
            number(argv[4]));
  for (Rows rows = feed.next(); rows.count > 0; rows = feed.next()) {
    database.write(rows.first, rows.count);
    feed.committed(rows);
  }
  std::puts(feed.summary().c_str());
}
