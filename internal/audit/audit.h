// The independent check of a run: reads the table back and compares it with what was acknowledged.
// The judgement is Jepsen's set checker (https://github.com/jepsen-io/jepsen, checker/set-full):
// which acknowledged elements are missing, doubled, or were never there to begin with.
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
  std::uint64_t corrupted = 0;   // rows whose text is not what it must be; kFull only
  std::uint64_t recovered = 0;   // found, and not known to be stored: in doubt, or replayed
  std::optional<bool> passed{};  // nullopt = not audited, or not to the end
};

struct AuditSubject {
  std::int64_t run_id;
  const SequenceSet& acknowledged;
  const SequenceSet& produced;
  const Generator& generator;
  std::uint64_t duplicates_allowed = 0;  // written again in doubt without a ledger
  std::uint64_t losses_allowed = 0;      // damaged beyond telling which they were
};

// What is known of a run that is over, for want of the run itself.
struct RecordedFacts {
  std::int64_t run_id = 0;
  std::uint64_t seed = 0;
  std::uint32_t message_size = 0;
  std::optional<std::uint64_t> scheduled;  // nullopt: the run never ended, or was killed
  std::optional<std::uint64_t> stored;     // as the run counted it
  std::uint64_t ledger_rows = 0;           // in frames the ledger knows as committed
  bool has_ledger = false;                 // the run wrote one
};

// Where an audit counts the rows it has read, for others to look at meanwhile.
using RowsRead = std::atomic<std::uint64_t>;

// Lost are rows that the run counted or the ledger knows, and that are not found: how many, not
// which. Otherwise as audit().
AuditResult audit_recorded(RowReader* rows, const RecordedFacts& facts, VerifyMode mode,
                           RowsRead* rows_read = nullptr);

// Blocks while it reads; stops early, without a judgement, on request. Without a reader nothing is
// judged. Memory grows with the holes
// among the sequences, not with the rows. Throws SetupError when the table cannot be read.
AuditResult audit(RowReader* rows, const AuditSubject& subject, VerifyMode mode,
                  const std::stop_token& stop, RowsRead* rows_read = nullptr);

}  // namespace loadgen
