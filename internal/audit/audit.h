// The independent check of a run: reads the table back and compares it with what was acknowledged.
// The method is that of Jepsen's set checker (https://github.com/jepsen-io/jepsen,
// checker/set-full): which acknowledged elements are missing or duplicated, and which elements were
// never added.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <stop_token>

#include "model/generator.h"
#include "model/sequence_set.h"
#include "options/choices.h"
#include "sink/row_reader.h"

namespace loadgen {

struct AuditResult {
  VerifyMode mode = VerifyMode::kOff;
  std::uint64_t checked = 0;     // rows read
  std::uint64_t lost = 0;        // acknowledged, not found
  std::uint64_t duplicated = 0;  // rows beyond the first of a sequence
  std::uint64_t unexpected = 0;  // rows no producer made a message for
  std::uint64_t corrupted = 0;   // rows with a wrong text; kFull only
  std::uint64_t recovered = 0;   // found, but not known to be stored: in doubt, or replayed
  std::optional<bool> passed{};  // nullopt = not audited, or not to the end
};

struct AuditSubject {
  std::int64_t run_id;
  const SequenceSet& acknowledged;
  const SequenceSet& produced;
  const Generator& generator;
  std::uint64_t duplicates_allowed = 0;  // messages in doubt, written again without a ledger
  std::uint64_t losses_allowed = 0;      // damaged messages whose sequence is unknown
};

// What the database records about a run that is over.
struct RecordedFacts {
  std::int64_t run_id = 0;
  std::uint64_t seed = 0;
  std::uint32_t message_size = 0;
  std::optional<std::uint64_t> scheduled;  // nullopt: the run never ended, or was killed
  std::optional<std::uint64_t> stored;     // as the run counted it
  std::uint64_t ledger_rows = 0;           // rows of frames that the ledger shows as committed
  bool has_ledger = false;                 // the run wrote one
};

// An audit counts the rows it has read here, so that other threads can watch it.
using RowsRead = std::atomic<std::uint64_t>;

// `lost` is the number of rows that the run counted or the ledger knows and that are not found;
// which ones is not known. Otherwise like audit().
AuditResult audit_recorded(RowReader* rows, const RecordedFacts& facts, VerifyMode mode,
                           RowsRead* rows_read = nullptr);

// Blocks while it reads; on a stop request ends early, without a judgement. Without a reader
// nothing is judged. Memory grows with the gaps among the sequences, not with the rows. Throws
// SetupError when the table cannot be read.
AuditResult audit(RowReader* rows, const AuditSubject& subject, VerifyMode mode,
                  const std::stop_token& stop, RowsRead* rows_read = nullptr);

}  // namespace loadgen
