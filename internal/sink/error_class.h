// Classifies a failed write by the database's error code, never by the message text. Every code of
// both drivers maps to a class.
#pragma once

#include <string_view>

namespace loadgen {

enum class ErrorClass {
  kContention,  // another session was in the way: the same write may succeed at once
  kOutage,      // the database or the network is down: the write may succeed later
  kCapacity,    // no room for now: like an outage, but a person has to act
  kPoison,      // a row of the frame can never be stored
  kFatal,       // no write can succeed with this setup
  kUnknown,     // not in the tables: retried a few times like an outage, then fatal
};

std::string_view to_name(ErrorClass error_class);

// What some codes of a database say beyond their class. Both pure.
//
// A timeout while waiting for a lock says nothing about the frame. Another process's attempt at the
// same frame may hold the lock, and splitting the frame would then store parts of it twice.
bool is_wait_for_lock(std::string_view code);
// The database has no connection left for us.
bool is_too_many_connections(std::string_view code);

// Pure.
ErrorClass classify_sqlstate(std::string_view sqlstate);

// code: SQLite's extended result code. system_errno: errno of the failed system call, 0 = unknown.
// Pure.
ErrorClass classify_sqlite(int code, int system_errno);

}  // namespace loadgen
