// From the options to the database they name.
#pragma once

#include <memory>

#include "options/options.h"
#include "sink/sink.h"

namespace loadgen {

// Connects to nothing yet. Throws UsageError when --db is no known kind of address, or --insert no
// method of that kind. Borrows the clock.
std::unique_ptr<Target> make_target(const Options& options, Clock& clock);

}  // namespace loadgen
