// Writes frames to Postgres over libpq, one transaction a frame, by one of four methods:
//   copy    binary COPY FROM STDIN: the fastest
//   unnest  one INSERT from four arrays
//   multi   INSERTs of many rows; at most 65535 parameters each, so a large frame takes several
//   single  one INSERT a row, each with its round trip
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sink/sink.h"
#include "sink/target_config.h"

namespace loadgen {

// Connects. config.insert is one of the four. Throws SetupError.
std::unique_ptr<Sink> make_postgres_sink(const std::string& conninfo,
                                         std::vector<std::string> secrets,
                                         const TargetConfig& config, const RunIdentity& run);

}  // namespace loadgen
