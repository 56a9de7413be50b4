// Decides when a target may be tried: the circuit breaker as a pure state machine. It has no lock,
// clock or random numbers: times and random numbers are arguments, and times never go back. Not
// thread-safe; circuit_breaker.h adds that. Allocates when constructed and for a report.
//
//   closed     all may try. 5 failures in a row open it, and so does a failure rate of one half,
//              once 20 results or more are from the last 10 s.
//   open       nobody may try, at first for the shortest retry delay; twice as long each time a
//              probe failed, up to the longest; each time 20 % longer or shorter at random, so that
//              processes do not return together.
//   half-open  one at a time may, as a probe. 2 successes in a row close it, a failure opens it.
//
// Source: Michael Nygard, "Release It!", the pattern "Circuit Breaker"; the failure rate over a
// sliding window is Hystrix's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "delivery/backoff.h"

namespace loadgen {

enum class BreakerState { kClosed, kOpen, kHalfOpen };
// "closed", "open", "half-open".
[[nodiscard]] std::string_view to_name(BreakerState state);

// What an attempt says about the target's health. kUncounted: nothing (a lock was contended, a row
// was bad).
enum class BreakerVerdict { kSucceeded, kFailed, kUncounted };

struct BreakerTransition {
  TimePoint at;
  BreakerState from;
  BreakerState to;
  nanoseconds open_for;  // 0 unless `to` is kOpen
};

struct BreakerReport {
  std::string_view state;  // now; "off" when there is no breaker
  // The first kTransitionsKept; later ones are only counted.
  static constexpr std::size_t kTransitionsKept = 1000;
  std::vector<BreakerTransition> transitions{};
  std::uint64_t transitions_total = 0;
  // Time spent in each state, up to the report.
  nanoseconds closed{0};
  nanoseconds open{0};
  nanoseconds half_open{0};

  // For breakers that worked in parallel: takes the worst state, orders transitions by time, and
  // adds up everything else.
  void merge(const BreakerReport& other);
};

class BreakerMachine {
 public:
  static constexpr std::uint32_t kFailuresInARow = 5;
  static constexpr std::chrono::seconds kWindow{10};
  static constexpr std::uint32_t kWindowResultsMin = 20;
  static constexpr double kOpenJitter = 0.2;  // up or down by this share
  static constexpr std::uint32_t kProbeSuccesses = 2;

  // Permission for one attempt. Give it back to conclude() once.
  struct Pass {
    std::uint64_t era;       // counts the transitions
    std::uint64_t openings;  // how many of them were to open
  };
  struct Answer {
    std::optional<Pass> pass;
    // Without a pass: when to ask again; nullopt = when the current probe has concluded.
    std::optional<TimePoint> ask_at;
    std::optional<BreakerTransition> transition;
  };

  // `open_for`: the first and the longest time it stays open, before jitter.
  BreakerMachine(TimePoint start, BackoffPolicy open_for);

  // May the caller try the target now?
  [[nodiscard]] Answer admit(TimePoint now);
  // Reports how the attempt went. A pass from before the last transition is ignored, because its
  // attempt saw the target as it was then. `uniform01` in 0 .. 1 is the jitter if this opens the
  // breaker.
  std::optional<BreakerTransition> conclude(Pass pass, BreakerVerdict verdict, TimePoint now,
                                            double uniform01);

  [[nodiscard]] BreakerState state() const { return state_; }
  [[nodiscard]] BreakerReport report(TimePoint now) const;

 private:
  // Results of the last 10 s, in slots of 100 ms: the oldest slot is dropped as a whole.
  class Window {
   public:
    void add(BreakerVerdict verdict, TimePoint now);
    [[nodiscard]] bool sick() const;

   private:
    struct Counts {
      std::uint64_t results = 0;
      std::uint64_t failures = 0;
    };
    static constexpr std::chrono::milliseconds kSlot{100};

    std::array<Counts, kWindow / kSlot> slots_{};
    Counts sum_;
    std::int64_t newest_ = 0;  // slots since the clock's epoch
  };

  BreakerTransition open(TimePoint now, double uniform01);
  BreakerTransition move_to(BreakerState to, TimePoint now, nanoseconds open_for);
  [[nodiscard]] std::optional<BreakerTransition> judge_closed(BreakerVerdict verdict, TimePoint now,
                                                              double uniform01);
  [[nodiscard]] std::optional<BreakerTransition> judge_probe(BreakerVerdict verdict, TimePoint now,
                                                             double uniform01);

  const BackoffPolicy open_for_;
  BreakerState state_ = BreakerState::kClosed;
  TimePoint entered_;      // when state_ began
  std::uint64_t era_ = 0;  // counts the transitions
  std::uint64_t openings_ = 0;
  // Closed.
  Window window_;
  std::uint32_t failures_in_a_row_ = 0;
  // Open.
  nanoseconds next_open_;  // before jitter
  TimePoint open_until_;
  // Half-open.
  bool probing_ = false;
  std::uint32_t probe_successes_ = 0;

  std::vector<BreakerTransition> transitions_;
  std::array<nanoseconds, 3> spent_{};  // in each state, without the time since entered_
};

}  // namespace loadgen
