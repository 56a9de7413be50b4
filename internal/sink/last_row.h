// The row that was last in the table when a run began. The rows of the run have larger ids, and so
// an audit need not search what is older. This rests on ids the database gives out in ascending
// order, and only as long as that row is still there: SQLite gives the ids of deleted last rows
// again. In loadgen_runs it is noted in the run's config, as last_row_before.
#pragma once

#include <cstdint>

namespace loadgen {

struct LastRow {
  std::int64_t id = 0;
  // What tells it from a row that was given its id later.
  std::int64_t run_id = 0;
  std::int64_t sequence = 0;
};

// Of a run that a target began or found.
struct RunStart {
  std::int64_t run_id = 0;
  LastRow last_row_before;
};

}  // namespace loadgen
