#include "run/progress.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

ProgressFigures figures() {
  return {.elapsed = 4s,
          .planned = 10s,
          .produced = 1'234'567,
          .stored = 809'472,
          .stored_per_s = 158'190.4,
          .waiting = 10'000};
}

}  // namespace

TEST_CASE("progress: all figures, with commas") {
  CHECK(progress_line(figures(), 0) ==
        "4s/10s  produced 1,234,567  stored 809,472 (158,190/s)  waiting 10,000");
}

TEST_CASE("progress: past its planned length a run is draining") {
  ProgressFigures late = figures();
  late.elapsed = 12s;
  CHECK(progress_line(late, 0).starts_with("12s, draining  produced"));
  late.planned.reset();
  CHECK(progress_line(late, 0).starts_with("12s  produced"));
}

TEST_CASE("progress: a line is narrower than the terminal, and tells the first things first") {
  const std::string whole = progress_line(figures(), 0);
  for (std::size_t columns = 8; columns <= 100; ++columns) {
    const std::string line = progress_line(figures(), columns);
    CHECK(line.size() < columns);
    CHECK(whole.starts_with(line));
  }
  CHECK(progress_line(figures(), whole.size() + 1) == whole);
  CHECK(progress_line(figures(), 60).ends_with("(158,190/s)"));
}
