#include "feed.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace loadgen {
namespace {

Schedule make_schedule(double rows_per_s, double seconds) {
  const std::chrono::duration<double> duration(seconds);
  return {rows_per_s > 0 ? std::optional(Profile::constant(rows_per_s)) : std::nullopt,
          std::chrono::duration_cast<nanoseconds>(duration), std::nullopt};
}

}  // namespace

Feed::Feed(double rows_per_s, std::uint64_t batch_size, double seconds)
    : schedule_(make_schedule(rows_per_s, seconds)),
      batch_size_(batch_size),
      start_(std::chrono::steady_clock::now()),
      last_commit_(start_) {}

Rows Feed::next() {
  const std::lock_guard lock(mutex_);
  TimePoint now = std::chrono::steady_clock::now();
  std::uint64_t count = batch_size_;
  if (!schedule_.paced()) {
    if (schedule_.expired(now - start_)) return {};
  } else {
    if (next_ >= schedule_.size()) return {};
    if (const TimePoint due = start_ + schedule_.offset(next_); due > now) {
      std::this_thread::sleep_until(due);
      now = std::chrono::steady_clock::now();
    }
    count = std::min(count, schedule_.due_by(now - start_) - next_);
  }
  const Rows rows{next_, count, now};
  next_ += count;
  return rows;
}

void Feed::committed(const Rows& rows) {
  const std::lock_guard lock(mutex_);
  last_commit_ = std::chrono::steady_clock::now();
  committed_ += rows.count;
  write_.record(last_commit_ - rows.taken, rows.count);
  if (!schedule_.paced()) return;
  for (std::uint64_t i = 0; i < rows.count; ++i) {
    response_.record(last_commit_ - start_ - schedule_.offset(rows.first + i));
  }
}

std::string Feed::summary() const {
  const std::lock_guard lock(mutex_);
  const double seconds = std::chrono::duration<double>(last_commit_ - start_).count();
  return fmt::format("{} {:.3f} {:.0f} {:.1f} {:.1f}", committed_, seconds,
                     seconds > 0 ? static_cast<double>(committed_) / seconds : 0.0,
                     write_.percentile(99) / 1e3, response_.percentile(99) / 1e3);
}

void sleep_precisely() { prctl(PR_SET_TIMERSLACK, 1UL); }

void die(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(EXIT_FAILURE);
}

double number(const char* argument) {
  char* end = nullptr;
  const double value = std::strtod(argument, &end);
  if (end == argument || *end != '\0' || !(value >= 0)) {
    die(fmt::format("{}: expected a number", argument));
  }
  return value;
}

std::int64_t now_microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace loadgen
