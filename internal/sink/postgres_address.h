// What libpq makes of an address. Thread-safe where the environment is left alone.
#pragma once

#include <chrono>
#include <string>

struct pg_conn;

namespace loadgen {

// The address as a keyword string, with what a load generator needs where neither the address nor
// libpq's environment says otherwise: a bound on connecting, and on a peer that went away silently.
// Throws UsageError, without the address's secrets, when libpq cannot read it.
std::string complete_conninfo(const std::string& address);

// Host, port and database that libpq takes from the address and the environment, in one line; of a
// service, its name.
std::string place_of(const std::string& conninfo);

// False: the address names hosts, and none of the names has an address. Blocks for the resolver.
bool host_is_known(const std::string& conninfo);

// Of a connection that is begun, with all that libpq took from elsewhere: what PQconnectdb obeys
// and PQconnectPoll leaves to its caller.
std::chrono::seconds connect_timeout_of(pg_conn* connection);

// Likewise: a port among its options is none.
bool has_invalid_port(pg_conn* connection);

}  // namespace loadgen
