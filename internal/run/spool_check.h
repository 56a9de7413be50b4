// Whether what is in a spool belongs to the database at hand.
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

// Where the messages of a run belong, as the spool remembers it, without a secret; and after that,
// as spools of earlier versions may have it.
std::vector<std::string> target_names(const Options& options, const Target& target);

// Throws UsageError when the spool holds messages that belong elsewhere, or that were promised to
// be stored exactly once and would not be.
void check_spool(Spool& spool, std::span<const std::string> target_names, Delivery delivery,
                 const Clock& clock);

// Throws UsageError when the database does not know this run. A run is recorded in its database
// before it produces anything, and an address may lead to another database, or another schema, than
// it did then.
void check_is_recorded(const SpooledRun& run, const std::string& spool,
                       const DeliveryContext& delivery);

}  // namespace loadgen
