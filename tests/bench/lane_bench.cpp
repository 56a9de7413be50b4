// What the statistics cost: a whole lane with no database behind it and nobody watching, with the
// timing of messages on and off in turn.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "plan/plan.h"
#include "run/drive.h"
#include "run/log.h"
#include "run/open.h"
#include "sink/make_target.h"

namespace {

using namespace loadgen;

double messages_per_s(ConsumerAccount::Timing timing, std::chrono::duration<double> duration) {
  SteadyClock clock;
  Options options;
  options.db = "null:";
  options.rps = std::nullopt;
  options.duration = std::chrono::duration_cast<nanoseconds>(duration);
  options.progress.reset();
  const Plan plan = make_plan(options, clock);
  const auto target = make_target(options, clock);
  const Opened opened = open(plan, *target, clock, timing);
  const LaneResult lane = drive(connect(opened)).end.result;
  return static_cast<double>(lane.counts.ends[Fate::kStored]) /
         std::chrono::duration<double>(lane.samples.measured.last_commit - lane.start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc == 3 ? std::atoi(argv[1]) : 0;
  const double seconds = argc == 3 ? std::atof(argv[2]) : 0;
  if (rounds < 1 || !(seconds > 0)) {
    std::fputs(
        "usage: lane_bench ROUNDS SECONDS_PER_RUN\n"
        "prints: messages_per_s_with_timing messages_per_s_without ratio (medians)\n",
        stderr);
    return EXIT_FAILURE;
  }
  start_logging(LogLevel::kWarn);
  std::vector<double> with;
  std::vector<double> without;
  for (int round = 0; round < rounds; ++round) {
    with.push_back(
        messages_per_s(ConsumerAccount::Timing::kOn, std::chrono::duration<double>(seconds)));
    without.push_back(
        messages_per_s(ConsumerAccount::Timing::kOff, std::chrono::duration<double>(seconds)));
  }
  std::printf("%.0f %.0f %.3f\n", median(with), median(without), median(with) / median(without));
}
