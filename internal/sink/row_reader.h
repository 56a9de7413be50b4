// Reads back the rows that a target has stored.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace loadgen {

// What a reader fills in. With kSequences only the sequence; the producer is 0 and the text empty.
enum class RowContent { kSequences, kTexts };

// A stored row, as the audit needs it. `text` is valid only during the call.
struct StoredRow {
  std::int64_t sequence = 0;
  std::int64_t producer = 0;
  std::string_view text;
};

// Return false to stop reading.
using RowVisitor = std::function<bool(const StoredRow&)>;

// A part of its target; see sink.h for thread-safety, errors, blocking and interruption.
class RowReader {
 public:
  RowReader() = default;
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;
  virtual ~RowReader() = default;

  // Visits each stored row of the run, in no particular order. For the run last begun or found in
  // the run log, it may search only the rows added since the start of that run. Needs
  // Target::open() or RunLog::find().
  virtual void read_back(std::int64_t run_id, RowContent content, const RowVisitor& visit) = 0;
  // From now on read_back() searches the whole table. Returns false when it did so before.
  virtual bool search_whole_table() { return false; }
  // After read_back(): whether a policy of the database may hide rows of the table from us.
  [[nodiscard]] virtual bool hides_rows() const { return false; }
};

}  // namespace loadgen
