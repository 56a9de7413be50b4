// The last step of a run: from what the threads counted to a finished report.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "audit/audit.h"
#include "base/error.h"
#include "base/redact.h"
#include "base/time_limit.h"
#include "channel/keep_in_spool.h"
#include "report/json_report.h"
#include "report/judge.h"
#include "run/audit_watch.h"
#include "run/await_database.h"
#include "run/machine.h"
#include "run/pipeline.h"

namespace loadgen {

namespace {

// How long a database that was well may take for the one row that holds the result.
constexpr std::chrono::seconds kRecordLimit{10};

ReportedError reported(const WriteResult& result, std::uint64_t count) {
  const bool in_doubt = result.outcome == WriteOutcome::kInDoubt;
  return {.code = result.error.code,
          .error_class = in_doubt ? "in_doubt" : std::string(to_name(result.error.error_class)),
          .count = count,
          .message = result.error.message};
}

}  // namespace

Options Pipeline::settled_config() const {
  Options config = options_;
  config.seed = plan_.seed;
  config.insert = target_.info().insert;
  config.db = redact(config.db);
  return config;
}

// Messages that a thread was left with and that were surely not written: kept by the channel, or
// not.
void Pipeline::put_by(std::span<const Message> rest) {
  if (rest.empty()) return;
  // A stuck thread may be so in the channel's disk.
  const auto lost = has_stuck_thread() ? unspooled(rest) : channel_->keep(rest);
  for (const LostMessages& messages : lost) {
    left_[messages.fate] += messages.messages.size();
    unsent_.add(messages);
  }
}

// The texts are gone with their thread.
std::vector<Message> Pipeline::make_again(std::span<const Ticket> tickets,
                                          std::uint32_t producer) const {
  std::vector<Message> made(tickets.size());
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    made[i].sequence = tickets[i].sequence;
    made[i].producer = producer;
    made[i].due = tickets[i].due;
    made[i].created = producers_done_;
    generator_.generate(tickets[i].sequence, producer, made[i].text);
  }
  return made;
}

// As a rule nobody has anything in hand: but an exception or a call without an end leaves some.
void Pipeline::close_producers() {
  for (std::uint32_t producer = 0; producer < producer_accounts_.size(); ++producer) {
    const ProducerAccount::Closed closed = producer_accounts_[producer]->close();
    put_by(make_again(closed.unsent, producer));
    left_[Fate::kInDoubt] += closed.in_doubt.size();
    unsent_.add({make_again(closed.in_doubt, producer), Fate::kInDoubt});
  }
}

void Pipeline::close_consumers() {
  for (const auto& account : consumer_accounts_) {
    const ConsumerAccount::Closed closed = account->close();
    put_by(closed.unsent);
    // What is on the channel's disk is there as the frame that was tried.
    if (const std::size_t open = count_unspooled(closed.in_doubt); open > 0) {
      left_[Fate::kInDoubt] += open;
      unsent_.add_in_doubt(closed.in_doubt);
    }
  }
}

Counts Pipeline::count_messages(const Sample& sample) const {
  const TokenBucket::Totals tickets = tickets_.totals();
  Tally ends = sample.ends;
  ends += left_;
  return {.scheduled = tickets.scheduled,
          .skipped = tickets.skipped,
          .produced = sample.produced,
          .ends = ends,
          .retried_frames = sample.retried_frames,
          .duplicates_suppressed = sample.duplicates_suppressed};
}

// What the threads left in the channel, on its disk, and in the file for it.
void Pipeline::keep_the_rest() {
  channel_->leave([this](const LostMessages& lost) {
    left_[lost.fate] += lost.messages.size();
    unsent_.add(lost);
  });
  if (spool_ && !has_stuck_thread()) spool_->flush();
  left_[Fate::kSpooled] = channel_->kept();
  SequenceSet saved;
  if (spool_ && spool_->is_gone()) saved = save_from_gone_spool();
  if (const int error = unsent_.finish(); error != 0) {
    unsent_problem_ = std::strerror(error);
    spdlog::error("--unsent={}: {}", one_line(options_.unsent), unsent_problem_);
  } else if (!options_.unsent.empty()) {
    // They are in one place only, should somebody find the spool again.
    for (const SequenceRange& range : saved.ranges()) {
      spool_->settle(spooled_run_, range, SpoolEnd::kGivenUp);
    }
  }
  if (spool_ && !has_stuck_thread()) compare_with_spool();
}

// Whoever deleted the spool took what was safe in it. This process has its file open, and is the
// last that can read it. Returns those that are in the file for unsent ones, if there is one.
SequenceSet Pipeline::save_from_gone_spool() {
  SequenceSet saved;
  const std::uint64_t held = std::exchange(left_[Fate::kSpooled], 0);
  std::uint64_t found = 0;
  try {
    if (!has_stuck_thread()) {
      spool_->salvage(spooled_run_, [&](std::span<const Message> messages, bool tried) {
        found += messages.size();
        if (tried) {
          left_[Fate::kInDoubt] += messages.size();
          unsent_.add_in_doubt(messages);
        } else {
          left_[Fate::kUnsent] += messages.size();
          unsent_.add({messages});
        }
        for (const SequenceRange& range : ranges_of(messages)) saved.insert(range);
      });
    }
  } catch (const SetupError& error) {
    spdlog::error("{}", error.what());
  }
  if (found < held) {
    left_[Fate::kUnsent] += held - found;
    spdlog::error("{} messages of the spool could not be read from it any more.", held - found);
  }
  return saved;
}

// It holds what was counted, or the run has failed.
void Pipeline::compare_with_spool() {
  std::string problem = channel_->problem();
  if (problem.empty()) {
    try {
      const auto on_disk =
          spool_->read([&](SpoolStore& store) { return store.count(plan_.run_id); });
      spool_agrees_ = on_disk == left_[Fate::kSpooled];
    } catch (const SetupError& error) {
      problem = error.what();
    }
  }
  if (!problem.empty()) {
    // Even of a run that is being aborted: it is not the abort that broke the spool.
    coordinator_.note_failure(
        {WriteOutcome::kNotWritten,
         {.code = "spool", .message = problem, .error_class = ErrorClass::kFatal}});
    spdlog::error("{}", problem);
  } else if (left_[Fate::kSpooled] == 0) {
    spool_->forget_run(spooled_run_);
  }
}

RunReport Pipeline::finish() {
  RunReport report;
  close_producers();
  close_consumers();
  Sample sample = sampler_.finish();
  report.run_id = plan_.run_id;
  report.started_at = anchor_.wall_at(start_);
  report.ended_at = anchor_.wall_at(consumers_done_);
  report.config = settled_config();
  report.environment = describe_machine();
  report.database = target_.info();
  report.queue = channel_->stats();
  keep_the_rest();
  report.counts = count_messages(sample);
  report.resumed = resumed_;
  report.unsent_problem = unsent_problem_;
  report.drain_timed_out = drain_timed_out_;
  report.interrupted_by = coordinator_.interrupted_by();

  report.frames = sample.frames;
  report.writing = sample.writing;
  report.latency = std::move(sample.latency);
  report.produce_time = producers_done_ - start_;
  report.drain_time = consumers_done_ - producers_done_;
  report.silence_at_end = consumers_done_ - std::max(sample.last_commit, start_);
  const std::uint64_t stored = report.counts.ends[Fate::kStored];
  const bool all_stored = stored == report.counts.produced && stored > 0;
  report.total_time = (all_stored ? sample.last_commit : consumers_done_) - start_;

  for (const Coordinator::ErrorCount& tally : coordinator_.errors()) {
    report.errors.push_back(reported(tally.first, tally.count));
  }
  if (const auto failure = coordinator_.failure()) {
    report.failure = reported({WriteOutcome::kNotWritten, *failure}, 1);
  }
  report.breaker = breaker_.report();
  report.client = client_usage();
  audit_run(report, sample.resent);
  report.verdict = verdict(report);
  report.exit_code = exit_code(report);
  return report;
}

// How long before the end the first message that was not acknowledged was due.
std::optional<nanoseconds> Pipeline::oldest_missing(const SequenceSet& acknowledged,
                                                    std::uint64_t scheduled) const {
  const auto& ranges = acknowledged.ranges();
  const bool has_first = !ranges.empty() && ranges.front().begin == 0;
  const std::uint64_t missing = has_first ? ranges.front().end : 0;
  if (missing >= scheduled || !plan_.schedule.paced()) return std::nullopt;
  return consumers_done_ - (start_ + plan_.schedule.offset(missing));
}

void Pipeline::audit_run(RunReport& report, std::uint64_t resent) {
  const SequenceSet acknowledged = acknowledged_.take();
  const SequenceSet produced = produced_.take();
  report.oldest_not_stored = oldest_missing(acknowledged, report.counts.scheduled);
  report.sequences_agree = spool_agrees_ && produced.size() == report.counts.produced &&
                           acknowledged.size() == report.counts.ends[Fate::kStored];
  if (has_stuck_thread()) {
    // Reading might not come back either.
    report.audit.mode = options_.verify;
    spdlog::warn("The table was not audited.");
    return;
  }
  if (user_abort_.stop_requested()) {
    report.audit.mode = options_.verify;
    report.audit_aborted_by = options_.verify == VerifyMode::kOff ? 0 : aborted_by_.load();
    spdlog::warn("Aborted: the table was not audited.");
    return;
  }
  try {
    target_.check_is_in_place();
    AuditWatch watch(clock_);
    // Each time from the start: what a session that was lost had shown is forgotten with it.
    retry_lost_session(clock_, [&] {
      report.audit = audit(target_, {plan_.run_id, acknowledged, produced, generator_, resent},
                           options_.verify, user_abort_.get_token(), &watch.rows_read());
    });
    if (report.audit.mode != VerifyMode::kOff && !report.audit.passed) {
      report.audit_aborted_by = aborted_by_;
    }
  } catch (const SetupError& error) {
    report.audit.mode = options_.verify;
    if (user_abort_.stop_requested()) {
      report.audit_aborted_by = aborted_by_;
      return;
    }
    spdlog::error("The stored rows could not be checked: {}", error.what());
    const ReportedError problem{"audit", "fatal", 1, error.what()};
    report.errors.push_back(problem);
    if (!report.failure) report.failure = problem;  // the first one may be its cause
  }
}

void Pipeline::record_result(const RunReport& report) {
  // Whoever aborts does not want to wait for a database.
  if (user_abort_.stop_requested() || has_stuck_thread()) return;
  const TimeLimit limit(clock_, kRecordLimit, [this] { target_.interrupt(); });
  try {
    const std::string result = json_report(report);
    retry_lost_session(clock_, [&] { target_.record_end(plan_.run_id, report.ended_at, result); });
  } catch (const SetupError& error) {
    // The result itself is complete; only its copy in the database is missing.
    spdlog::warn("The result could not be recorded in the database: {}", error.what());
  }
}

}  // namespace loadgen
