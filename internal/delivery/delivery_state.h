// The state that all couriers to one target share, whichever run's messages they deliver.
#pragma once

#include <string>
#include <utility>

#include "delivery/circuit_breaker.h"
#include "delivery/courier.h"
#include "delivery/dead_letters.h"
#include "delivery/error_counts.h"

namespace loadgen {

struct DeliverySettings {
  DeliveryPolicy policy;
  Breaker breaker = Breaker::kOn;
  std::uint64_t seed = 0;  // of the breaker's jitter
  std::string dead_letter;
  std::uint64_t max_dead_letters = 0;
};

// Each part is thread-safe.
struct DeliveryState {
  DeliveryState(DeliverySettings settings, Clock& clock, CircuitBreaker::Hook on_transition,
                ErrorCounts::Hook on_first_error)
      : policy(settings.policy),
        breaker(settings.breaker, settings.policy.outage, settings.seed, clock,
                std::move(on_transition)),
        dead_letters(std::move(settings.dead_letter), settings.max_dead_letters),
        errors(std::move(on_first_error)) {}

  // For the couriers of one run. Borrows all of it.
  [[nodiscard]] DeliveryContext context(Target& target, RunIdentity run, Clock& clock,
                                        std::stop_token give_up) {
    return {.target = target,
            .run = run,
            .clock = clock,
            .breaker = breaker,
            .budget = budget,
            .dead_letters = dead_letters,
            .policy = policy,
            .give_up = std::move(give_up),
            .on_error = [this](const WriteResult& result) { errors.note(result); }};
  }

  const DeliveryPolicy policy;
  CircuitBreaker breaker;
  RetryBudget budget;
  DeadLetterBox dead_letters;
  ErrorCounts errors;
};

}  // namespace loadgen
