// Lanes on a real database and the real clock; nothing is decided by how long they take.

#include "lane/lane.h"

#include <doctest/doctest.h>

#include "support/scaling.h"
#include "support/temp_dir.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

Options busy(const TempDir& dir) {
  Options options;
  options.db = "sqlite:" + dir.file("lane.db");
  options.rps = 20'000;
  options.duration = 3s;
  options.batch_size = 50;
  options.queue_capacity = 300;
  options.drain_timeout = 4min;  // a sanitizer on a busy machine is slow
  options.verify = VerifyMode::kFull;
  options.progress.reset();
  return options;
}

}  // namespace

TEST_CASE("lane: workers come and go, and each message is stored once (SQLite)") {
  const TempDir dir;
  check_law(scale_at_random(busy(dir), 1, [] {}));
}

TEST_CASE("lane: workers come and go, and each message is stored once (a spool before SQLite)") {
  const TempDir dir;
  Options options = busy(dir);
  options.rps = 2'000;
  options.spool = dir.file("spool");
  check_law(scale_at_random(options, 2, [] {}));
}
