// What `app verify` found, for people and for programs.
#pragma once

#include <string>

#include "audit/audit.h"
#include "sink/sink.h"

namespace loadgen {

struct VerifyReport {
  RecordedRun run;  // as recorded in the database after the audit
  AuditResult audit;
  std::string unjudged_because{};  // empty: the audit's judgement stands
};

// Judges an audit by the records of the run before and after it. A failed audit stands; a passed
// audit may have passed only because records were missing.
VerifyReport judge_recorded(const RecordedRun& before, const RecordedRun& after,
                            const RecordedFacts& facts, const AuditResult& audit);

// Several lines of text.
std::string to_text(const VerifyReport& report);

}  // namespace loadgen
