// Keeps all consumers away from a target that is down. There is one breaker per target; it is asked
// before each attempt and told the result afterwards. breaker_machine.h has the rules; this class
// adds the waiting. Thread-safe. Allocates when constructed and for a report.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>

#include "base/clock.h"
#include "delivery/breaker_machine.h"
#include "options/choices.h"

namespace loadgen {

class CircuitBreaker {
 public:
  // Permission for one attempt. Its holder reports once how the attempt went. An admission
  // destroyed without a report is uncounted, so no exception or early return can keep the probe for
  // ever. A thread that has an admission must not ask for another, because it may hold the probe.
  // The breaker must outlive it.
  class [[nodiscard]] Admission {
   public:
    Admission(Admission&& other) noexcept;
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;
    ~Admission();

    void succeeded();
    void failed();
    // The result says nothing about the target's health.
    void uncounted();

    // How long admit() held the caller back.
    [[nodiscard]] nanoseconds waited() const { return waited_; }
    // How often the breaker had opened before the admission. Off: 0.
    [[nodiscard]] std::uint64_t openings() const { return pass_.openings; }

   private:
    friend class CircuitBreaker;
    Admission(CircuitBreaker& breaker, BreakerMachine::Pass pass, nanoseconds waited);
    void conclude(BreakerVerdict verdict);

    CircuitBreaker* breaker_;  // null once concluded
    BreakerMachine::Pass pass_;
    nanoseconds waited_;
  };

  // Called without a lock by the thread that caused the transition, inside admit(), succeeded() or
  // failed(), so it must be thread-safe. Two transitions in quick succession may be reported out of
  // order; their times tell the order.
  using Hook = std::function<void(const BreakerTransition&)>;

  // `open_for`: see BreakerMachine. `seed` is for the jitter. Borrows the clock, which must outlive
  // it. The hook may be empty. Off: every caller is admitted at once.
  CircuitBreaker(Breaker mode, BackoffPolicy open_for, std::uint64_t seed, Clock& clock,
                 Hook on_transition);

  // Blocks until the caller may try the target, or a stop is requested (nullopt).
  [[nodiscard]] std::optional<Admission> admit(const std::stop_token& stop);

  // When off: only the state "off".
  [[nodiscard]] BreakerReport report() const;
  // Whether attempts are held back now. Off: never.
  [[nodiscard]] bool holds_back() const;
  // How many threads wait in admit() now.
  [[nodiscard]] std::size_t waiting() const;

 private:
  void conclude(BreakerMachine::Pass pass, BreakerVerdict verdict);
  void announce(const std::optional<BreakerTransition>& transition) const;

  // Constant after construction.
  const Breaker mode_;
  Clock& clock_;
  const Hook on_transition_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::mt19937_64 random_;
  BreakerMachine machine_;
  std::size_t waiting_ = 0;
};

}  // namespace loadgen
