// What `app verify` found, for people and for programs.
#pragma once

#include <string>

#include "audit/audit.h"
#include "sink/sink.h"

namespace loadgen {

struct VerifyReport {
  RecordedRun run;  // as the database remembers it after the audit
  AuditResult audit;
  std::string unjudged_because{};  // empty: the audit's judgement stands
};

// Judges an audit that lay between two looks at what the database remembers of the run. One that
// found something wrong stands; one that found nothing may have had nothing to find it by.
VerifyReport judge_recorded(const RecordedRun& before, const RecordedRun& after,
                            const RecordedFacts& facts, const AuditResult& audit);

// Some lines.
std::string to_text(const VerifyReport& report);

}  // namespace loadgen
