// Checks that the messages in a spool belong to this database.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "delivery/courier.h"
#include "options/options.h"
#include "sink/sink.h"
#include "spool/spool.h"

namespace loadgen {

// The name of the run's target as the spool stores it, without a secret, followed by the names that
// earlier versions may have stored.
std::vector<std::string> target_names(const Options& options, const Target& target);

// Throws UsageError when the spool holds messages for another target, or messages of an
// exactly-once run that would now be stored at least once.
void check_spool(Spool& spool, std::span<const std::string> target_names, Delivery delivery,
                 const Clock& clock);

// Throws UsageError when the database has no record of this run. Every run is recorded before it
// produces anything, so the address now leads to another database or schema.
void check_is_recorded(const SpooledRun& run, const std::string& spool,
                       const DeliveryContext& delivery);

}  // namespace loadgen
