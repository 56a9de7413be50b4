#include "run/open.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "base/error.h"
#include "base/redact.h"
#include "run/await_database.h"
#include "run/log.h"
#include "run/spool_check.h"

namespace loadgen {
namespace {

std::unique_ptr<DeliveryState> make_delivery(const Plan& plan, Clock& clock) {
  const Options& options = plan.options;
  const DeliveryPolicy policy{.delivery = options.delivery,
                              .retries = options.retries,
                              .outage = {options.retry_delay.shortest, options.retry_delay.longest},
                              .timeout = options.timeout};
  return std::make_unique<DeliveryState>(
      DeliverySettings{.policy = policy,
                       .breaker = options.breaker,
                       .seed = plan.seed,
                       .dead_letter = options.dead_letter,
                       .max_dead_letters = options.max_dead_letters},
      clock, log_transition, log_failed_write);
}

std::unique_ptr<Lane> make_lane(const Plan& plan, Target& target, Clock& clock,
                                ConsumerAccount::Timing timing) {
  LaneParts parts;
  parts.delivery = make_delivery(plan, clock);
  parts.timing = timing;
  if (!plan.options.spool.empty()) {
    const std::vector<std::string> names = target_names(plan.options, target);
    parts.spool = std::make_unique<Spool>(plan.options.spool, clock);
    parts.target_name = names.front();
    check_spool(*parts.spool, names, plan.options.delivery, clock);
  }
  try {
    return std::make_unique<Lane>(plan, target, clock, std::move(parts));
  } catch (const std::bad_alloc&) {
    throw SetupError(fmt::format("--queue-capacity={}: there is not enough memory for it",
                                 plan.options.queue_capacity));
  }
}

}  // namespace

Opened open(const Plan& plan, Target& target, Clock& clock, ConsumerAccount::Timing timing) {
  Opened opened{plan, target, clock, make_lane(plan, target, clock, timing)};
  await_database(
      clock, plan.options, [&] { target.interrupt(); }, [&] { target.open(); });
  log_notes(target.info());
  return opened;
}

Connected connect(const Opened& opened) {
  const Options& options = opened.plan.options;
  try {
    opened.lane->connect([&](Courier& courier) {
      await_database(
          opened.clock, options, [&] { courier.interrupt(); }, [&] { courier.connect(); });
    });
  } catch (const ConnectError& error) {
    if (!is_too_many_connections(error.error().code)) throw;
    // One more for the run's own record and the audit, while the consumers keep theirs.
    throw SetupError(fmt::format("{}; --consumers={} needs {} connections", error.what(),
                                 options.consumers, options.consumers + 1));
  }
  return {opened};
}

Options effective_config(const Plan& plan, InsertMethod in_force) {
  Options config = plan.options;
  config.seed = plan.seed;
  config.insert = in_force;
  config.db = redact(config.db);
  return config;
}

}  // namespace loadgen
