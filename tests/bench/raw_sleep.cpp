// How late the machine itself wakes a thread: one that sleeps to absolute times and does nothing
// else. What ./app's schedule lag exceeds this by is ./app's.

#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

#include "feed.h"

int main(int argc, char** argv) {
  using namespace loadgen;
  if (argc != 3) die("usage: raw_sleep WAKEUPS_PER_S SECONDS\nprints: p99_us of the lateness");
  const auto count = static_cast<std::uint64_t>(number(argv[1]) * number(argv[2]));
  const Profile profile = Profile::constant(number(argv[1]));
  sleep_precisely();
  std::vector<double> late_us;
  const TimePoint start = std::chrono::steady_clock::now();
  for (std::uint64_t n = 0; n < count; ++n) {
    const TimePoint due = start + profile.when(n);
    std::this_thread::sleep_until(due);
    late_us.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - due).count());
  }
  std::sort(late_us.begin(), late_us.end());
  std::printf("%.1f\n", late_us[late_us.size() * 99 / 100]);
}
