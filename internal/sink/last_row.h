// The last row of the table when a run began. The rows of the run have larger ids, so an audit need
// not search older rows. This holds only if the database assigns ascending ids and that row is
// still there, because SQLite reuses the ids of deleted last rows. loadgen_runs keeps it in the
// run's config, as last_row_before.
#pragma once

#include <cstdint>

namespace loadgen {

struct LastRow {
  std::int64_t id = 0;
  // These distinguish it from a later row with the same id.
  std::int64_t run_id = 0;
  std::int64_t sequence = 0;
};

// What is known about a run that a target began or found.
struct RunStart {
  std::int64_t run_id = 0;
  LastRow last_row_before;
};

}  // namespace loadgen
