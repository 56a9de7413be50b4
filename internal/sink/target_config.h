// What every kind of target is made from, and small helpers they share.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "options/choices.h"
#include "sink/sink.h"

namespace loadgen {

struct TargetConfig {
  std::string address;  // as given by --db; may hold a password
  std::string table;
  InsertMethod insert = InsertMethod::kMulti;  // one the kind has
  Durability durability = Durability::kFull;
  Delivery delivery = Delivery::kExactlyOnce;
  std::uint32_t message_size = 64;                       // bytes of each text
  nanoseconds write_timeout = std::chrono::seconds(30);  // of one attempt
};

// How long open() and recording the start of a run wait for somebody else's lock, before they say
// so; their caller decides whether to try again.
inline constexpr std::chrono::seconds kStartLockWait{1};
// ... and finding a run.
inline constexpr std::chrono::seconds kFindLockWait{10};
// ... and reading back and recording the result, when the run is over and its user waits.
inline constexpr std::chrono::seconds kFinishLockWait{3};

// "a\"b" -> "\"a\"\"b\"". The only way a name gets into SQL.
std::string quote_identifier(std::string_view name);

// The DDL of a schema file with the table's name filled in.
std::string schema_for_table(std::string_view schema, std::string_view table);

std::int64_t unix_microseconds(WallTime when);

// The value of an integer column that came as text; 0 of "".
std::int64_t to_integer(std::string_view text);

// What a sink says that was interrupted before it could write.
WriteError interrupted_error();

}  // namespace loadgen
