// Makes the target that the options name.
#pragma once

#include <memory>

#include "options/options.h"
#include "sink/sink.h"

namespace loadgen {

// Does not connect yet. Throws UsageError when --db is not a known kind of address, or --insert is
// not a method of that kind. Borrows the clock.
std::unique_ptr<Target> make_target(const Options& options, Clock& clock);

}  // namespace loadgen
