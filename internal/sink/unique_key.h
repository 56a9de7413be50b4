// The unique keys that make sure that a frame is stored once.
#pragma once

#include <cstdint>
#include <string_view>

namespace loadgen {

// A table needs a unique key on exactly these columns that is enforced at once for every INSERT.
// Any other unique key must include all of them, or it could refuse rows that were never stored.
struct UniqueKey {
  std::string_view columns;  // as in SQL
  std::string_view names;    // as values in SQL
  std::int64_t count;
};
inline constexpr UniqueKey kLedgerKey{"run_id, frame", "'run_id', 'frame'", 2};
inline constexpr UniqueKey kRunKey{"run_id", "'run_id'", 1};

}  // namespace loadgen
