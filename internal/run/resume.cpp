#include "run/resume.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "audit/audit.h"
#include "base/error.h"
#include "base/redact.h"
#include "base/units.h"
#include "model/generator.h"

namespace loadgen {
namespace {

// One earlier run, from what is in the spool to an audited table.
class Resumption {
 public:
  Resumption(Spool& spool, const SpooledRun& run, const DeliveryContext& delivery,
             const Options& options)
      : spool_(spool), run_(run), options_(options), context_(delivery), courier_(context_) {
    context_.run = {.run_id = run.run_id, .anchor = run.anchor};
    context_.policy.origin = Origin::kReplayed;
    result_.run_id = run.run_id;
  }

  ResumedRun complete() {
    deliver_fixed();
    deliver_loose();
    must(spool_.flush());
    // Rows whose key is damaged were never come across.
    result_.damaged += spool_.read([&](SpoolStore& store) { return store.count(run_.run_id); });
    audit_run();
    must(spool_.forget_run(run_));
    return std::move(result_);
  }

 private:
  void must(SpoolStatus status) {
    if (status != SpoolStatus::kSafe) throw SetupError(spool_.problem());
  }

  // Puts the damaged ones away and returns the others.
  std::vector<Message> take(SpoolStore::Batch batch) {
    for (const std::uint64_t sequence : batch.damaged) {
      spool_.settle(run_, SequenceRange{sequence, sequence + 1}, SpoolEnd::kDamaged);
    }
    result_.damaged += batch.damaged.size();
    return std::move(batch.messages);
  }

  void deliver_fixed() {
    auto fixed = spool_.read([&](SpoolStore& store) { return store.fixed_frames(run_.run_id); });
    const auto is_whole = [&](const SpoolStore::FixedFrame& frame) {
      return std::all_of(frame.members.begin(), frame.members.end(), [&](SequenceRange range) {
        return spool_.read([&](SpoolStore& store) { return store.count(run_.run_id, range); }) ==
               range.end - range.begin;
      });
    };
    for (const auto& frame : frames_in_force(std::move(fixed.frames), is_whole)) {
      std::vector<Message> messages;
      for (const SequenceRange& range : frame.members) {
        auto part = take(spool_.read([&](SpoolStore& store) {
          return store.read(run_, range, static_cast<std::size_t>(range.end - range.begin));
        }));
        std::move(part.begin(), part.end(), std::back_inserter(messages));
      }
      if (messages.empty()) continue;
      if (options_.delivery == Delivery::kAtLeastOnce) may_be_twice_ += messages.size();
      deliver(messages, frame.id);
    }
    if (fixed.damaged) settle_what_is_stored();
  }

  // A frame that cannot be read may have been committed. Which of its messages are stored, only the
  // table can tell.
  void settle_what_is_stored() {
    context_.target.read_back(run_.run_id, RowContent::kSequences, [&](const StoredRow& row) {
      const auto sequence = static_cast<std::uint64_t>(row.sequence);
      const SequenceRange range{sequence, sequence + 1};
      if (spool_.read([&](SpoolStore& store) { return store.count(run_.run_id, range); }) == 1) {
        spool_.settle(run_, range, SpoolEnd::kStored);
        ++result_.already_present;
      }
      return true;
    });
    must(spool_.flush());
  }

  // No attempt was made to store any of these.
  void deliver_loose() {
    must(spool_.flush());
    for (SequenceRange rest{0, INT64_MAX};;) {
      auto batch = spool_.read(
          [&](SpoolStore& store) { return store.read(run_, rest, options_.batch_size); });
      for (const Message& message : batch.messages) rest.begin = message.sequence + 1;
      for (const std::uint64_t sequence : batch.damaged) {
        rest.begin = std::max(rest.begin, sequence + 1);
      }
      if (batch.messages.empty() && batch.damaged.empty()) return;
      const auto messages = take(std::move(batch));
      if (messages.empty()) continue;
      must(spool_.fix(run_, messages.front().sequence, messages));
      deliver(messages, messages.front().sequence);
    }
  }

  void deliver(std::span<const Message> messages, std::uint64_t frame) {
    using Messages = DeliveryEvents::Messages;
    DeliveryEvents events;
    events.on_begin = [&](Messages piece) -> std::optional<WriteError> {
      if (piece.size() == messages.size()) return std::nullopt;  // it is fixed
      if (spool_.fix(run_, piece.front().sequence, piece) == SpoolStatus::kSafe) {
        return std::nullopt;
      }
      return WriteError{
          .code = "spool", .message = spool_.problem(), .error_class = ErrorClass::kFatal};
    };
    events.on_stored = [&](Messages piece, TimePoint) {
      spool_.settle(run_, piece, SpoolEnd::kStored);
    };
    events.on_dead = [&](Messages piece) { spool_.settle(run_, piece, SpoolEnd::kGivenUp); };
    events.on_left = [](Messages, Left) { return true; };  // they stay in the spool
    const Delivered delivered = courier_.deliver({messages, frame}, events);
    if (delivered.failure) {
      throw SetupError(fmt::format("run {} cannot be resumed: {} ({})", run_.run_id,
                                   delivered.failure->error.message,
                                   delivered.failure->error.code));
    }
    ++result_.frames;
    result_.stored += delivered.stored - delivered.duplicates_suppressed;
    result_.already_present += delivered.duplicates_suppressed;
    result_.dead_lettered += delivered.dead_lettered;
    may_be_twice_ += delivered.resent;
  }

  void audit_run() {
    SequenceSet everything;
    everything.insert({0, INT64_MAX});
    const auto accepted =
        spool_.read([&](SpoolStore& store) { return store.accepted(run_.run_id); });
    const auto given_up =
        spool_.read([&](SpoolStore& store) { return store.given_up(run_.run_id); });
    const Generator generator(run_.seed, run_.message_size);
    result_.audit = audit(context_.target,
                          {.run_id = run_.run_id,
                           .acknowledged = accepted.without(given_up),
                           .produced = run_.all_spooled ? accepted : everything,
                           .generator = generator,
                           .duplicates_allowed = may_be_twice_,
                           .losses_allowed = result_.damaged},
                          options_.verify, {});
  }

  Spool& spool_;
  const SpooledRun& run_;
  const Options& options_;
  DeliveryContext context_;
  Courier courier_;
  ResumedRun result_;
  std::uint64_t may_be_twice_ = 0;
};

}  // namespace

std::string target_name(const Options& options, const Target& target) {
  const auto files = target.files();
  const std::string address =
      files.empty()
          ? redact(options.db)
          : std::filesystem::weakly_canonical(std::filesystem::absolute(files.front())).string();
  return fmt::format("{}, table {}", one_line(address), one_line(options.table));
}

void check_spool(Spool& spool, const std::string& target_name, const Clock& clock) {
  const auto runs = spool.read([&](SpoolStore& store) {
    return store.runs({clock.now(), clock.wall_now()});
  });
  for (const SpooledRun& run : runs) {
    if (run.target == target_name) continue;
    throw UsageError(fmt::format("--spool={}: holds messages of run {} for {}, and not for {}",
                                 one_line(spool.directory()), run.run_id, one_line(run.target),
                                 target_name));
  }
}

std::vector<SpoolStore::FixedFrame> frames_in_force(
    std::vector<SpoolStore::FixedFrame> fixed,
    const std::function<bool(const SpoolStore::FixedFrame&)>& is_whole) {
  std::vector<SpoolStore::FixedFrame> in_force;
  SequenceSet taken;
  // A piece is fixed after the frame it is of was refused for good.
  for (auto frame = fixed.rbegin(); frame != fixed.rend(); ++frame) {
    bool is_split = false;
    for (const SequenceRange& range : frame->members) {
      is_split |= taken.insert(range) != range.end - range.begin;
    }
    // A frame is settled at once; if part of it is gone, that was a piece.
    if (!is_split && is_whole(*frame)) in_force.push_back(std::move(*frame));
  }
  std::reverse(in_force.begin(), in_force.end());
  return in_force;
}

std::vector<ResumedRun> resume(Spool& spool, const DeliveryContext& delivery,
                               const Options& options) {
  const WallAnchor now{delivery.clock.now(), delivery.clock.wall_now()};
  std::vector<ResumedRun> results;
  std::uint64_t orphans = spool.put_away_orphans();
  for (const SpooledRun& run : spool.read([&](SpoolStore& store) { return store.runs(now); })) {
    const std::uint64_t waiting =
        spool.read([&](SpoolStore& store) { return store.count(run.run_id); });
    spdlog::info("Resuming run {}: {} messages are in the spool...", run.run_id,
                 format_count(waiting));
    Resumption resumption(spool, run, delivery, options);
    results.push_back(resumption.complete());
    if (results.back().damaged > 0) {
      spdlog::warn("{} messages of run {} were damaged in the spool and skipped.",
                   format_count(results.back().damaged), run.run_id);
    }
  }
  if (orphans > 0) spdlog::warn("{} messages in the spool were damaged beyond use.", orphans);
  return results;
}

}  // namespace loadgen
