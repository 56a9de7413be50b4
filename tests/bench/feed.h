// What a bare loop writes next, and how long that took: rows as fast as possible, or at a rate, as
// they fall due. The loops themselves hold nothing but calls of their database. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "plan/schedule.h"
#include "stats/histogram.h"

namespace loadgen {

// Consecutive rows that are written in one transaction.
struct Rows {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  TimePoint taken;
};

class Feed {
 public:
  // rows_per_s: 0 = as fast as possible. Time runs from construction.
  Feed(double rows_per_s, std::uint64_t batch_size, double seconds);

  // The next rows to write: a full batch, or at a rate all that are due, at most a batch, after
  // sleeping for the first of them. No rows: time is up.
  [[nodiscard]] Rows next();
  // Their commit was confirmed just now.
  void committed(const Rows& rows);

  // One line: rows, seconds to the last commit, rows/s, p99 of a write and p99 of due to stored (0
  // without a rate), both in microseconds.
  [[nodiscard]] std::string summary() const;

 private:
  // Constant after construction.
  const Schedule schedule_;
  const std::uint64_t batch_size_;
  const TimePoint start_;

  mutable std::mutex mutex_;
  // Guarded by mutex_. Who sleeps for the next row holds it: nobody else could do more than wait.
  std::uint64_t next_ = 0;
  std::uint64_t committed_ = 0;
  TimePoint last_commit_;
  Histogram write_;
  Histogram response_;
};

// Makes this thread, and those it starts from now on, wake up on time, as ./app does.
void sleep_precisely();

// Ends the program with a message; for everything a benchmark cannot go on from.
[[noreturn]] void die(const std::string& message);

// A whole argument as a number, or the end.
double number(const char* argument);

// Unix microseconds now, for created_at.
std::int64_t now_microseconds();

}  // namespace loadgen
