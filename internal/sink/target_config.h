// The settings of every kind of target, and small helpers that targets share.
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
  InsertMethod insert = InsertMethod::kMulti;  // must be a method of this kind of target
  Durability durability = Durability::kFull;
  Delivery delivery = Delivery::kExactlyOnce;
  std::uint32_t message_size = 64;                       // bytes of each text
  nanoseconds write_timeout = std::chrono::seconds(30);  // of one attempt
};

// How long open() and recording the start of a run wait for another session's lock before they
// fail; their caller decides whether to try again.
inline constexpr std::chrono::seconds kStartLockWait{1};
// The same for finding a run.
inline constexpr std::chrono::seconds kFindLockWait{10};
// The same for reading back and recording the result, while the user waits.
inline constexpr std::chrono::seconds kFinishLockWait{3};

// "a\"b" -> "\"a\"\"b\"". The only way to put a name into SQL.
std::string quote_identifier(std::string_view name);

// The DDL of a schema file with the table's name filled in.
std::string schema_for_table(std::string_view schema, std::string_view table);

std::int64_t unix_microseconds(WallTime when);

// The value of an integer column that was read as text; 0 for "".
std::int64_t to_integer(std::string_view text);

// The error of a sink that was interrupted before it could write.
WriteError interrupted_error();

}  // namespace loadgen
