// The search for the highest rate that a database sustains: which rate to try next, and for how
// long. A pure machine: it runs nothing. Not thread-safe.
//
// The rate doubles until one fails, or halves until one passes; then the middle, on a logarithmic
// scale, between the highest that passed and the lowest that failed is tried, for twice as long.
#pragma once

#include <chrono>
#include <optional>

namespace loadgen {

class RateSearch {
 public:
  struct Settings {
    double from = 1000;               // messages per second; tried first
    std::optional<double> limit{};    // nothing above it is tried
    std::chrono::nanoseconds step{};  // how long a rate is tried
    double precision = 0.05;          // how far, as a share, the two ends may lie apart
  };
  struct Trial {
    double rate;
    std::chrono::nanoseconds length;
  };
  enum class Outcome { kPassed, kFailed, kUnclear };

  explicit RateSearch(Settings settings) : settings_(settings) {}

  // nullopt = the search is over. The same until record() is called.
  [[nodiscard]] std::optional<Trial> next() const;
  // What the next trial came to. One that is unclear is tried again for twice as long; the third
  // time it counts as failed.
  void record(Outcome outcome);

  // nullopt = none did.
  [[nodiscard]] std::optional<double> highest_passed() const { return passed_; }
  [[nodiscard]] std::optional<double> lowest_failed() const { return failed_; }

 private:
  Settings settings_;
  std::optional<double> passed_;
  std::optional<double> failed_;
  int unclear_ = 0;  // how often in a row
};

}  // namespace loadgen
