// What needs a Postgres of its own, because it crashes the server: run by scripts/with-postgres.

#include <doctest/doctest.h>

#include <csignal>
#include <string>

#include "support/postgres.h"
#include "support/scaling.h"
#include "support/sql.h"

using namespace loadgen;
using namespace std::chrono_literals;

TEST_CASE("lane: workers come and go, Postgres crashes, and each message is stored once") {
  const auto db = test_postgres();
  if (!db) return;
  Options options;
  options.db = *db;
  options.table = unique_table();
  options.rps = 5'000;
  options.duration = 6s;
  options.batch_size = 50;
  options.queue_capacity = 2'000;
  options.retry_delay = {10ms, 200ms};
  options.drain_timeout = 4min;
  options.verify = VerifyMode::kFull;
  options.progress.reset();
  int crashes = 0;
  // A server one of whose processes was killed ends all sessions, and recovers.
  const auto crash = [&] {
    if (crashes == 5) return;
    try {
      const std::string pid =
          sql(*db, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'background writer'")
              .at(0)
              .at(0);
      if (kill(std::stoi(pid), SIGKILL) == 0) ++crashes;
    } catch (const std::exception&) {  // it has not recovered yet
    }
  };
  const Scaled scaled = scale_at_random(options, 3, crash);
  check_law(scaled);
  CHECK(crashes > 0);  // how many there is time for depends on the machine
  CHECK(scaled.report.counts.retried_frames > 0);
}
