// What a database's error code says about the write it ended: by code, never by message text. The
// tables are data; every code of both drivers maps to a class.
#pragma once

#include <string_view>

namespace loadgen {

enum class ErrorClass {
  kContention,  // another session was in the way: the same write may work at once
  kOutage,      // the database or the way to it is down: the write may work later
  kCapacity,    // the database cannot take more for now: as an outage, but somebody has to act
  kPoison,      // a row of the frame can never be stored
  kFatal,       // no write will ever work as things are set up
  kUnknown,     // a code no table names: tried a few times as an outage, then fatal
};

std::string_view to_name(ErrorClass error_class);

// Pure.
ErrorClass classify_sqlstate(std::string_view sqlstate);

// code: SQLite's extended result code. system_errno: of the failed system call, 0 = unknown. Pure.
ErrorClass classify_sqlite(int code, int system_errno);

}  // namespace loadgen
