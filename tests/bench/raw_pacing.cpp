// The least a paced load can cost: threads that sleep to absolute times, and one that commits to
// SQLite so often and so many rows as ./app did. What of its CPU time ./app could save at best is
// the difference to this.

#include <sys/resource.h>

#include <cmath>
#include <cstdio>
#include <thread>
#include <vector>

#include "bare_sqlite.h"
#include "feed.h"

namespace {

using namespace loadgen;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Calls work(n) at start + n / per_s for each n = first, first + step, ... below count.
template <typename Work>
void at_each(TimePoint start, double per_s, std::uint64_t first, std::uint64_t step,
             std::uint64_t count, Work work) {
  const Profile profile = Profile::constant(per_s);
  for (std::uint64_t n = first; n < count; n += step) {
    std::this_thread::sleep_until(start + profile.when(n));
    work(n);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    die("usage: raw_pacing NEW_FILE THREADS WAKEUPS_PER_S COMMITS_PER_S ROWS_PER_S full|relaxed "
        "SECONDS\n"
        "prints: cpu_user_s cpu_system_s share_of_a_core");
  }
  const auto threads = static_cast<std::uint64_t>(number(argv[2]));
  const double wakeups_per_s = number(argv[3]);
  const double commits_per_s = number(argv[4]);
  const double rows_per_commit = number(argv[5]) / commits_per_s;
  const double duration_s = number(argv[7]);
  const auto wakeups = static_cast<std::uint64_t>(std::llround(wakeups_per_s * duration_s));
  const auto commits = static_cast<std::uint64_t>(std::llround(commits_per_s * duration_s));

  sleep_precisely();
  BareSqlite database(argv[1], argv[6]);
  const TimePoint start = std::chrono::steady_clock::now();
  std::vector<std::jthread> sleepers;
  for (std::uint64_t i = 0; i < threads; ++i) {
    sleepers.emplace_back(
        [=] { at_each(start, wakeups_per_s, i, threads, wakeups, [](std::uint64_t) {}); });
  }
  std::uint64_t written = 0;
  at_each(start, commits_per_s, 0, 1, commits, [&](std::uint64_t n) {
    const auto due =
        static_cast<std::uint64_t>(std::llround(static_cast<double>(n + 1) * rows_per_commit));
    database.write(written, due - written);
    written = due;
  });
  sleepers.clear();  // joins

  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double user_s = seconds(usage.ru_utime);
  const double system_s = seconds(usage.ru_stime);
  std::printf("%.3f %.3f %.4f\n", user_s, system_s, (user_s + system_s) / duration_s);
}
