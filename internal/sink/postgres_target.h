// Postgres: a postgres:// URI or a libpq keyword string. Setup, run records and audit reads go over
// libpqxx, each on a connection of its own; frames over libpq (postgres_sink.h).
#pragma once

#include <memory>
#include <string_view>

#include "sink/sink.h"
#include "sink/target_config.h"

namespace loadgen {

bool is_postgres_address(std::string_view address);
// Throws UsageError when libpq cannot read the address.
std::unique_ptr<Target> make_postgres_target(const TargetConfig& config, Clock& clock);

}  // namespace loadgen
