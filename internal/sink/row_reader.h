// What a target offers to those who read back what it stored.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace loadgen {

// What a reader fills in: with kSequences the sequence alone, the producer is 0 and the text empty.
enum class RowContent { kSequences, kTexts };

// A stored row, as the audit needs it. `text` is valid only during the call.
struct StoredRow {
  std::int64_t sequence = 0;
  std::int64_t producer = 0;
  std::string_view text;
};

// Return false to stop reading.
using RowVisitor = std::function<bool(const StoredRow&)>;

// A part of its target: which threads may call it, how it fails, what it blocks for and what
// interrupts it is said in sink.h.
class RowReader {
 public:
  RowReader() = default;
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;
  virtual ~RowReader() = default;

  // Visits each stored row of the run, in no promised order. Of a run that was last begun or found
  // in the run log it may search only what came into the table after its start. Needs
  // Target::open() or RunLog::find().
  virtual void read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) = 0;
  // From now on read_back() searches the whole table. Returns false when it did so before.
  virtual bool search_whole_table() { return false; }
  // After read_back(): the database may keep rows of the table from us, by a policy.
  [[nodiscard]] virtual bool hides_rows() const { return false; }
};

}  // namespace loadgen
