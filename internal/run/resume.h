// Delivers what earlier runs left in the spool, in the order they came, before this run begins:
// each message under its own run's id, frames that were fixed as they were. Audits each of those
// runs.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "channel/spool.h"
#include "delivery/courier.h"
#include "options/options.h"
#include "report/run_report.h"

namespace loadgen {

// Where the messages of a run belong, as the spool remembers it: without a secret.
std::string target_name(const Options& options, const Target& target);

// Throws UsageError when the spool holds messages that belong elsewhere.
void check_spool(Spool& spool, const std::string& target_name, const Clock& clock);

// What all resumed runs share; its `run` and `policy.origin` are set for each of them. Blocks until
// all is delivered, however long the target is down: whoever ends the process then loses nothing.
// Throws SetupError when it cannot go on; what is not delivered stays in the spool.
std::vector<ResumedRun> resume(Spool& spool, const DeliveryContext& delivery,
                               const Options& options);

// Of the frames a run fixed, those that may have been tried as they are: frames which were split
// later are not among them, for their pieces took their place. `is_whole` says whether all of a
// frame's messages are still in the spool. Pure; a seam for tests.
std::vector<SpoolStore::FixedFrame> frames_in_force(
    std::vector<SpoolStore::FixedFrame> fixed,
    const std::function<bool(const SpoolStore::FixedFrame&)>& is_whole);

}  // namespace loadgen
