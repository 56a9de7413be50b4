// SQLite, the embedded default: sqlite:PATH. Always in WAL mode.
#pragma once

#include <memory>
#include <string_view>

#include "sink/sink.h"
#include "sink/target_config.h"

namespace loadgen {

bool is_sqlite_address(std::string_view address);
// Throws UsageError when the path is not possible.
std::unique_ptr<Target> make_sqlite_target(const TargetConfig& config, Clock& clock);

}  // namespace loadgen
