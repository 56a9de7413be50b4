#include "report/sustained.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/seconds.h"
#include "base/units.h"

namespace loadgen {
namespace {

// If the database accepts the share c of the rate, the backlog at time t is t (1 - c) seconds of
// messages: 0.1 t at 10 % less than the rate, however it groups the messages. The growth seen is
// compared with what may be chance: 2 % of the run's length, and 10 ms.
constexpr double kTolerance = 0.02;
constexpr double kChanceS = 0.01;
// What one stall at the very end may cost.
constexpr double kLastStallS = 0.25;
// In a shorter run, growth cannot be told from chance.
constexpr double kShortestS = 0.4;
// Messages on their way look like a backlog, until the run is long against the time they take. At
// 10 % less than the rate the backlog of the last tenth of a run is at least 0.09 of its length.
constexpr double kLeastLengths = 12;
// The latest time, as a share of the run, at which the first message must be stored for the course
// to be meaningful.
constexpr double kLatestFirst = 0.25;

// The backlog over the course of a run, in seconds: how long ago the messages stored by then were
// due, if stored in order. Each value is the minimum of its part, which ignores stalls that are
// caught up and messages that are merely on their way.
struct Course {
  double usual = 0;         // in the first half
  double before = 0;        // the most of the tenths of the first half
  double middle = 0;        // from there to the last tenth
  double end = 0;           // in the last tenth
  double first_stored = 0;  // time of the first stored message
};

Course course_of(const StoredCurve& curve, const Profile& profile, double length) {
  std::array<double, 10> tenths;
  tenths.fill(length);
  const double width = seconds(curve.width());
  Course course{.first_stored = length};
  std::uint64_t stored = 0;
  double time = 0;
  for (const std::uint64_t count : curve.counts()) {
    if (count > 0 && stored == 0) course.first_stored = time;
    stored += count;
    time += width;
    if (time > length) break;
    double& least =
        tenths.at(std::min<std::size_t>(9, static_cast<std::size_t>(time / length * 10)));
    least = std::min(least, std::max(0.0, time - profile.due_s(stored)));
  }
  course.usual = *std::min_element(tenths.begin(), tenths.begin() + 5);
  course.before = *std::max_element(tenths.begin(), tenths.begin() + 5);
  course.middle = *std::min_element(tenths.begin() + 5, tenths.begin() + 9);
  course.end = tenths.back();
  return course;
}

Sustained unknown(std::string because) { return {std::nullopt, std::move(because)}; }

}  // namespace

Sustained sustained(const RunReport& report) {
  if (!report.started) return unknown("the run could not start");
  if (!report.profile) return {};
  const Counts& counts = report.counts;
  if (counts.ends[Fate::kStored] != counts.scheduled) return {false, ""};
  if (counts.ends[Fate::kStored] == 0) return unknown("no message was due");
  const double length = report.profile->length_s(counts.scheduled);
  const Course course = course_of(report.latency.stored, *report.profile, length);
  const double tolerance = kTolerance * length;
  if (seconds(report.total_time) > length + course.before + tolerance + kLastStallS) {
    return {false, ""};
  }
  const std::string too_short = fmt::format(
      "its schedule was {} long, too short to see a backlog grow", format_latency(length * 1e9));
  if (length < kShortestS) return unknown(too_short);
  const double by_chance = tolerance + kChanceS;
  if (course.end <= by_chance) return {true, ""};  // hardly any backlog, whatever was before
  const bool has_course = course.first_stored <= kLatestFirst * length;
  if (has_course && course.end - course.before > by_chance) {
    // Steady growth shows before the end; growth by a stall just before the end does not.
    if (course.middle - course.usual > (course.end - course.usual) / 3) return {false, ""};
    return unknown(fmt::format("the database stood still, or nearly, for {} before the end",
                               format_latency((course.end - course.before) * 1e9)));
  }
  if (has_course && course.end * kLeastLengths <= length) return {true, ""};
  return unknown(fmt::format("{} where messages take {} to be stored", too_short,
                             format_latency(course.end * 1e9)));
}

}  // namespace loadgen
