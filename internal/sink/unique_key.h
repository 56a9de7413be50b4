// The unique keys on which it rests that a frame is stored once.
#pragma once

#include <cstdint>
#include <string_view>

namespace loadgen {

// A table needs a unique key on just these columns: one that every INSERT must pass, at once. Any
// other unique key must hold them all, too, or else it could refuse what was never stored.
struct UniqueKey {
  std::string_view columns;  // as in SQL
  std::string_view names;    // as values in SQL
  std::int64_t count;
};
inline constexpr UniqueKey kLedgerKey{"run_id, frame", "'run_id', 'frame'", 2};
inline constexpr UniqueKey kRunKey{"run_id", "'run_id'", 1};

}  // namespace loadgen
