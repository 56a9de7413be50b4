// A run whose crews change their size at random while it goes on, on a real database.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <random>
#include <thread>

#include "plan/plan.h"
#include "run/check.h"
#include "run/conclude.h"
#include "run/drive.h"
#include "run/log.h"
#include "run/open.h"
#include "sink/make_target.h"

namespace loadgen {

// `disturb` is called now and then. What the run came to; `changes` is how often a size was
// changed.
struct Scaled {
  RunReport report;
  std::uint64_t changes = 0;
};

inline Scaled scale_at_random(const Options& options, unsigned seed,
                              const std::function<void()>& disturb) {
  using namespace std::chrono_literals;
  start_logging(LogLevel::kOff);
  SteadyClock clock;
  const Plan plan = make_plan(options, clock);
  const auto target = make_target(plan.options, clock);
  const Opened opened = open(plan, *target, clock);
  const Connected connected = connect(opened);
  Lane& lane = *opened.lane;
  Scaled scaled;
  std::jthread scaler([&](const std::stop_token& stop) {
    std::minstd_rand random(seed);
    const auto up_to = [&](std::uint32_t most) {
      return std::uniform_int_distribution<std::uint32_t>(0, most)(random);
    };
    while (!stop.stop_requested() && lane.sampler().counted().produced == 0)
      clock.sleep_until(clock.now() + 1ms, stop);
    while (!stop.stop_requested() && !lane.ending().reached(Phase::kDraining)) {
      lane.resize_producers(up_to(12));  // nobody is a number, too
      lane.resize_consumers(up_to(8));
      if (++scaled.changes % 20 == 0) disturb();
      clock.sleep_until(clock.now() + up_to(30) * 1ms, stop);
    }
    // Somebody has to write the rest.
    while (!stop.stop_requested()) {
      lane.resize_consumers(1 + up_to(7));
      clock.sleep_until(clock.now() + 10ms, stop);
    }
  });
  Drained drained = drive(connected);
  scaler.request_stop();
  scaler.join();
  const Checked checked = check(drained);
  scaled.report = conclude({}, std::move(drained), checked);
  return scaled;
}

// Nothing was lost, doubled or counted wrong, however many were at work.
inline void check_law(const Scaled& scaled) {
  const RunReport& report = scaled.report;
  CHECK(scaled.changes > 10);
  const double planned =
      *report.config.rps * std::chrono::duration<double>(report.config.duration).count();
  CHECK(static_cast<double>(report.counts.scheduled) == planned);
  CHECK(report.counts.balance());
  CHECK(report.sequences_agree);
  CHECK(report.counts.ends[Fate::kStored] == report.counts.produced);
  CHECK(report.latency.response.count() == report.counts.ends[Fate::kStored]);
  CHECK(report.audit.passed == true);
  CHECK(report.audit.checked == report.counts.ends[Fate::kStored]);
  CHECK_FALSE(report.failure.has_value());
}

}  // namespace loadgen
