// Writes frames to Postgres over libpq, one transaction per frame, by one of four methods:
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

// What a connection needs besides the settings of its target.
struct PostgresAccess {
  std::string conninfo;
  std::vector<std::string> secrets;  // never shown
  std::string ledger_schema;         // where loadgen_ledger is
};

// Connects. config.insert must be one of the four methods. Throws ConnectError.
std::unique_ptr<Sink> make_postgres_sink(const PostgresAccess& access, const TargetConfig& config,
                                         const RunIdentity& run, const std::stop_token& stop);

}  // namespace loadgen
