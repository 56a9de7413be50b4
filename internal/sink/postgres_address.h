// How libpq understands an address. Thread-safe as long as the environment does not change.
#pragma once

#include <chrono>
#include <string>

struct pg_conn;

namespace loadgen {

// The address as a keyword string. Adds timeouts for connecting and for a peer that disappeared
// silently, unless the address or libpq's environment sets them. Throws UsageError, without the
// address's secrets, when libpq cannot read the address.
std::string complete_conninfo(const std::string& address);

// Host, port and database that libpq takes from the address and the environment, in one line; for a
// service, its name.
std::string place_of(const std::string& conninfo);

// False: the address names hosts, and none of them can be resolved. Blocks for the resolver.
bool host_is_known(const std::string& conninfo);

// The connect timeout of a connection that is begun, wherever libpq took it from. PQconnectdb obeys
// it; PQconnectPoll leaves it to its caller.
std::chrono::seconds connect_timeout_of(pg_conn* connection);

// Whether one of the ports of a connection that is begun is not a port.
bool has_invalid_port(pg_conn* connection);

}  // namespace loadgen
