#include "audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/error.h"

namespace loadgen {
namespace {

bool is_corrupted(const StoredRow& row, const Generator& generator, std::string& expected) {
  if (row.producer < 0 || row.producer > UINT32_MAX) return true;
  generator.generate(static_cast<std::uint64_t>(row.sequence),
                     static_cast<std::uint32_t>(row.producer), expected);
  return row.text != expected;
}

void note(RowsRead* rows_read, std::uint64_t count) {
  if (rows_read != nullptr) rows_read->store(count, std::memory_order_relaxed);
}

AuditResult compare_recorded(RowReader& rows, const RecordedFacts& facts, VerifyMode mode,
                             RowsRead* rows_read) {
  AuditResult result;
  result.mode = mode;
  const bool full = mode == VerifyMode::kFull;
  const Generator generator(facts.seed, facts.message_size);
  SequenceSet found;
  std::string expected_text;
  rows.read_back(facts.run_id, full ? RowContent::kTexts : RowContent::kSequences,
                 [&](const StoredRow& row) {
                   note(rows_read, ++result.checked);
                   const auto sequence = static_cast<std::uint64_t>(row.sequence);
                   if (row.sequence < 0 || (facts.scheduled && sequence >= *facts.scheduled)) {
                     ++result.unexpected;
                   } else if (found.insert({sequence, sequence + 1}) == 0) {
                     ++result.duplicated;
                   } else if (full && is_corrupted(row, generator, expected_text)) {
                     ++result.corrupted;
                   }
                   return true;
                 });
  const std::uint64_t expected = std::max(facts.stored.value_or(0), facts.ledger_rows);
  result.lost = expected > found.size() ? expected - found.size() : 0;
  if (facts.stored && found.size() > *facts.stored) {
    result.recovered = found.size() - *facts.stored;
  }
  result.passed = result.lost + result.duplicated + result.unexpected + result.corrupted == 0;
  return result;
}

AuditResult compare(RowReader& rows, const AuditSubject& subject, VerifyMode mode,
                    const std::stop_token& stop, RowsRead* rows_read) {
  AuditResult result;
  result.mode = mode;
  const bool full = mode == VerifyMode::kFull;
  SequenceSet found;
  std::string expected;
  rows.read_back(subject.run_id, full ? RowContent::kTexts : RowContent::kSequences,
                 [&](const StoredRow& row) {
                   note(rows_read, ++result.checked);
                   const auto sequence = static_cast<std::uint64_t>(row.sequence);
                   if (row.sequence < 0 || !subject.produced.contains(sequence)) {
                     ++result.unexpected;
                   } else if (found.insert({sequence, sequence + 1}) == 0) {
                     ++result.duplicated;
                   } else if (full && is_corrupted(row, subject.generator, expected)) {
                     ++result.corrupted;
                   }
                   return !stop.stop_requested();
                 });
  if (stop.stop_requested()) return result;
  result.lost = subject.acknowledged.count_missing_from(found);
  result.recovered = found.count_missing_from(subject.acknowledged);
  result.passed = result.unexpected + result.corrupted == 0 &&
                  result.lost <= subject.losses_allowed &&
                  result.duplicated <= subject.duplicates_allowed;
  return result;
}

// Before rows are called lost, the whole table is searched.
template <typename Compare>
AuditResult search(RowReader& rows, Compare compare_rows) {
  AuditResult result = compare_rows();
  if (result.passed == false && rows.search_whole_table()) result = compare_rows();
  if (result.lost > 0 && rows.hides_rows()) {
    throw SetupError(fmt::format(
        "row level security may hide rows from this user: whether the {} rows that were not found "
        "are stored cannot be told",
        result.lost));
  }
  return result;
}

}  // namespace

AuditResult audit_recorded(RowReader* rows, const RecordedFacts& facts, VerifyMode mode,
                           RowsRead* rows_read) {
  if (rows == nullptr) return {};
  return search(*rows, [&] { return compare_recorded(*rows, facts, mode, rows_read); });
}

AuditResult audit(RowReader* rows, const AuditSubject& subject, VerifyMode mode,
                  const std::stop_token& stop, RowsRead* rows_read) {
  if (mode == VerifyMode::kOff || rows == nullptr) return {};
  return search(*rows, [&] { return compare(*rows, subject, mode, stop, rows_read); });
}

}  // namespace loadgen
