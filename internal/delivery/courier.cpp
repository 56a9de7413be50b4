#include "delivery/courier.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/units.h"
#include "delivery/poison_isolation.h"

namespace loadgen {
namespace {

WriteResult ledger_violation() {
  return {WriteOutcome::kNotWritten,
          {.code = "ledger",
           .message = "the ledger holds a frame that was never written before",
           .error_class = ErrorClass::kFatal}};
}

constexpr BackoffPolicy kContention{std::chrono::milliseconds(10), std::chrono::milliseconds(500)};
constexpr std::chrono::seconds kCapacityCap{30};  // a person has to make room: no hurry
constexpr std::uint64_t kMostUnknown = 3;
// If half of all attempts meet contention by chance, this many in a row happen once in a million
// times.
constexpr std::uint64_t kMostContention = 20;
// A target that accepted our login before and now refuses it may be in the middle of a restore.
constexpr std::chrono::seconds kRefusalPatience{60};

// Errors go to the log and into the result, which must not hold row data.
void hide_texts(WriteError& error, const Frame& frame) {
  constexpr std::size_t kTelling = 8;  // shorter texts occur in messages by chance
  for (const Message& message : frame.messages) {
    if (message.text.size() >= kTelling) hide_text(error.message, message.text);
  }
}

// Whether the connection broke.
bool is_lost(const WriteResult& result) {
  return result.outcome == WriteOutcome::kInDoubt ||
         result.error.error_class == ErrorClass::kOutage;
}

// Whether the result says that the target is not well.
bool is_ill_health(const WriteResult& result) {
  return is_lost(result) || result.error.error_class == ErrorClass::kCapacity ||
         result.error.error_class == ErrorClass::kUnknown;
}

}  // namespace

Courier::Courier(const DeliveryContext& context)
    : context_(context), random_(std::random_device()()) {}

void Courier::connect() {
  std::stop_token stop;
  {
    const std::lock_guard lock(mutex_);
    session_ = std::stop_source();
    if (interrupted_.stop_requested()) session_.request_stop();
    stop = session_.get_token();
  }
  auto sink = context_.target.connect(context_.run, stop);
  const std::lock_guard lock(mutex_);
  // The stop came before there was a sink to interrupt.
  if (stop.stop_requested()) sink->interrupt();
  sink_ = std::move(sink);
  was_connected_ = true;
  sink_has_stored_ = false;
}

Delivered Courier::deliver(const Frame& frame, const DeliveryEvents& events) {
  Delivered delivered;
  held_back_ = nanoseconds(0);
  successes_before_.reset();
  const std::uint64_t rows = frame.messages.size();
  const Piece whole =
      try_piece(frame, rows > 1 ? Unwitnessed::kSplit : Unwitnessed::kPersist, events, delivered);
  switch (whole.end) {
    case PieceEnd::kStored:
      delivered.ends[Fate::kStored] = rows;
      events.on_stored(frame.messages, confirmed(whole));
      break;
    case PieceEnd::kUnsent:
      report_unstored(frame.messages, Fate::kUnsent, events, delivered);
      break;
    case PieceEnd::kInDoubt:
      report_unstored(frame.messages, Fate::kInDoubt, events, delivered);
      break;
    case PieceEnd::kDeferred:  // only a part of a frame can be deferred
    case PieceEnd::kPoison:
      if (events.on_refused()) return delivered;
      isolate(frame, whole, events, delivered);
      break;
  }
  if (!delivered.failure) {
    if (auto storm = context_.dead_letters.note(rows, delivered.ends[Fate::kDeadLettered])) {
      delivered.failure = WriteResult{WriteOutcome::kNotWritten, *std::move(storm)};
    }
  }
  return delivered;
}

// A sink may return later than the commit; that time does not count as the message's.
TimePoint Courier::confirmed(const Piece& piece) const {
  return piece.last.confirmed.value_or(context_.clock.now());
}

void Courier::report_unstored(std::span<const Message> messages, Fate fate,
                              const DeliveryEvents& events, Delivered& delivered) {
  if (messages.empty() || events.on_unstored(messages, fate)) return;
  delivered.ends[fate] += messages.size();
}

// Tries the piece until it is stored, refused for good, or may not be tried again.
Courier::Piece Courier::try_piece(const Frame& frame, Unwitnessed unwitnessed,
                                  const DeliveryEvents& events, Delivered& delivered) {
  Trying trying;
  Piece piece;
  std::optional<PieceEnd> end;
  if (auto problem = events.on_begin(frame.messages)) {
    delivered.failure = WriteResult{WriteOutcome::kNotWritten, *std::move(problem)};
    end = PieceEnd::kUnsent;
  }
  while (!end && !context_.give_up.stop_requested()) {
    auto admission = context_.breaker.admit(context_.give_up);
    if (!admission) break;
    ++trying.attempts;
    if (trying.in_doubt && context_.policy.delivery == Delivery::kAtLeastOnce) {
      delivered.resent += frame.messages.size();
    }
    const Attempt attempt = attempt_admitted(frame, *admission);
    piece.last = attempt.result;
    if (attempt.result.stored()) {
      note_stored(frame, attempt.result, trying, delivered);
      end = PieceEnd::kStored;
    } else {
      end = judge_failure(attempt, unwitnessed, trying, delivered);
      if (!end && !attempt.lost_session && !back_off(attempt.result, trying)) break;
    }
  }
  piece.end = end.value_or(end_unstored(trying));
  piece.attempts = trying.attempts;
  delivered.retried_frames += trying.attempts > 1 ? 1 : 0;
  return piece;
}

Courier::PieceEnd Courier::end_unstored(const Trying& trying) {
  return trying.in_doubt ? PieceEnd::kInDoubt : PieceEnd::kUnsent;
}

void Courier::note_stored(const Frame& frame, const WriteResult& result, const Trying& trying,
                          Delivered& delivered) const {
  if (result.outcome != WriteOutcome::kAlreadyWritten) return;
  delivered.duplicates_suppressed += frame.messages.size();
  // The frame was not in doubt, so two frames or two runs share an id.
  if (!trying.in_doubt && context_.policy.origin == Origin::kFresh) {
    delivered.failure = ledger_violation();
  }
}

// Returns how the piece ends; nullopt = it may be tried again.
std::optional<Courier::PieceEnd> Courier::judge_failure(const Attempt& attempt,
                                                        Unwitnessed unwitnessed, Trying& trying,
                                                        Delivered& delivered) {
  const WriteResult& result = attempt.result;
  const bool is_in_doubt = result.outcome == WriteOutcome::kInDoubt;
  trying.in_doubt = trying.in_doubt || is_in_doubt;
  if (interrupted_.stop_requested()) return end_unstored(trying);  // then we made it fail
  context_.on_error(result);
  // A refused row is tried only after the frame's ledger row was accepted, so an earlier attempt in
  // doubt was not committed.
  if (!is_in_doubt && result.error.error_class == ErrorClass::kPoison) return PieceEnd::kPoison;
  switch (whose_fault(attempt, trying)) {
    case Blame::kNotYet:
      break;
    case Blame::kFrame:
      return PieceEnd::kPoison;
    case Blame::kUnknown:
      if (unwitnessed == Unwitnessed::kSplit) return PieceEnd::kPoison;
      if (unwitnessed == Unwitnessed::kDefer) return PieceEnd::kDeferred;
      break;
  }
  trying.unknown_errors += result.error.error_class == ErrorClass::kUnknown ? 1 : 0;
  if (!is_hopeless(attempt, trying)) return std::nullopt;
  delivered.failure = result;
  return end_unstored(trying);
}

// Makes the attempt, and tells the breaker what it says about the target's health.
Courier::Attempt Courier::attempt_admitted(const Frame& frame,
                                           CircuitBreaker::Admission& admission) {
  held_back_ += admission.waited();
  // A connection from before the breaker opened may be dead without any sign. Finding out by a
  // write would cost a probe for every courier.
  if (std::exchange(openings_, admission.openings()) != admission.openings()) drop_sink();
  Attempt attempt = this->attempt(frame);
  const WriteResult& result = attempt.result;
  if (result.stored()) {
    admission.succeeded();
    sink_has_stored_ = true;
    context_.budget.earn();
    refused_since_.reset();
    return attempt;
  }
  // Losing a session that had worked says little about the target, which may have ended all
  // sessions at once and be well; a new session, tried at once, shows it. An attempt that we
  // interrupted says nothing either.
  attempt.lost_session = attempt.stage == Stage::kWrite && sink_has_stored_ && is_lost(result);
  const bool is_telling = !attempt.lost_session && !interrupted_.stop_requested();
  if (is_telling && is_ill_health(result)) {
    admission.failed();
  } else if (is_telling && result.error.error_class == ErrorClass::kPoison) {
    admission.succeeded();  // the target is well enough to refuse
  } else {
    admission.uncounted();
  }
  if (!result.sink_is_usable()) drop_sink();
  return attempt;
}

Courier::Attempt Courier::attempt(const Frame& frame) {
  begin_attempt(context_.clock.now());
  if (sink_ == nullptr) {
    try {
      connect();
    } catch (const ConnectError& error) {
      return {Stage::kConnect, end_attempt({WriteOutcome::kNotWritten, error.error()})};
    } catch (const std::exception& error) {
      return {Stage::kConnect, end_attempt({WriteOutcome::kNotWritten,
                                            {.code = "exception", .message = error.what()}})};
    }
  }
  WriteResult result = end_attempt(sink_->write(frame));
  if (session_.stop_requested()) drop_sink();  // even if it was interrupted just after its answer
  if (!result.stored()) hide_texts(result.error, frame);
  return {Stage::kWrite, std::move(result)};
}

void Courier::begin_attempt(TimePoint now) {
  const std::lock_guard lock(mutex_);
  attempt_began_ = now;
}

// The driver's error for a session that we ended would blame the other side.
WriteResult Courier::end_attempt(WriteResult result) {
  const std::lock_guard lock(mutex_);
  attempt_began_.reset();
  if (std::exchange(cut_, false) && !result.stored()) {
    result.error.code = "timeout";
    result.error.message = fmt::format("the database did not answer within {} (--timeout)",
                                       format_duration(context_.policy.timeout));
    result.error.error_class = ErrorClass::kOutage;
  }
  return result;
}

void Courier::drop_sink() {
  std::unique_ptr<Sink> dropped;
  const std::lock_guard lock(mutex_);
  dropped = std::move(sink_);
}

// Whether the frame itself is to blame, although the error's class says that retrying helps: it is
// refused again and again with the same code while other frames, or other parts of it, are stored.
Courier::Blame Courier::whose_fault(const Attempt& attempt, Trying& trying) {
  const WriteError& error = attempt.result.error;
  const bool is_unknown = error.error_class == ErrorClass::kUnknown;
  const bool is_refusal = attempt.stage == Stage::kWrite && !trying.in_doubt &&
                          (is_unknown || error.error_class == ErrorClass::kContention) &&
                          attempt.result.outcome == WriteOutcome::kNotWritten &&
                          !is_wait_for_lock(error.code);
  if (!is_refusal || trying.refusal != error.code) trying.refusals = 0;
  if (!is_refusal) return Blame::kNotYet;
  trying.refusal = error.code;
  if (!successes_before_) successes_before_ = context_.budget.successes();
  if (++trying.refusals < (is_unknown ? kMostUnknown : kMostContention)) return Blame::kNotYet;
  return context_.budget.successes() > *successes_before_ ? Blame::kFrame : Blame::kUnknown;
}

bool Courier::is_hopeless(const Attempt& attempt, const Trying& trying) {
  const bool retries_spent = context_.policy.retries && trying.attempts > *context_.policy.retries;
  switch (attempt.result.error.error_class) {
    case ErrorClass::kContention:
    case ErrorClass::kOutage:
    case ErrorClass::kCapacity:
      return retries_spent;
    case ErrorClass::kUnknown:
      return retries_spent || trying.unknown_errors >= kMostUnknown;
    case ErrorClass::kPoison:
      return false;
    case ErrorClass::kFatal:
      break;
  }
  if (attempt.stage != Stage::kConnect || !was_connected_ || retries_spent) return true;
  const TimePoint now = context_.clock.now();
  if (!refused_since_) refused_since_ = now;
  return now - *refused_since_ >= kRefusalPatience;
}

// False: give_up was requested meanwhile.
bool Courier::back_off(const WriteResult& result, Trying& trying) {
  BackoffPolicy policy = context_.policy.outage;
  bool may_hurry = true;
  if (result.error.error_class == ErrorClass::kContention) {
    policy = kContention;
  } else {
    if (result.error.error_class == ErrorClass::kCapacity) {
      policy.cap = std::max<nanoseconds>(policy.cap, kCapacityCap);
    }
    may_hurry = context_.budget.spend();
  }
  const double uniform = std::uniform_real_distribution<>()(random_);
  const std::uint32_t nth = std::min(trying.waits++, 1000U);
  const nanoseconds delay = may_hurry ? full_jitter(policy, nth, uniform) : policy.cap;
  const TimePoint begin = context_.clock.now();
  const bool slept = context_.clock.sleep_until(begin + delay, context_.give_up);
  held_back_ += context_.clock.now() - begin;
  return slept;
}

// Reports the pieces of a frame that were given up. Only the last one was being tried.
void Courier::report_pending(const Frame& frame, std::span<const PoisonIsolation::Piece> pending,
                             PieceEnd last, const DeliveryEvents& events, Delivered& delivered) {
  for (const PoisonIsolation::Piece& rows : pending) {
    const bool is_in_doubt = last == PieceEnd::kInDoubt && &rows == &pending.back();
    report_unstored(frame.messages.subspan(rows.first, rows.count),
                    is_in_doubt ? Fate::kInDoubt : Fate::kUnsent, events, delivered);
  }
}

// Finds the rows of the frame that can never be stored, and stores all others.
void Courier::isolate(const Frame& frame, Piece piece, const DeliveryEvents& events,
                      Delivered& delivered) {
  PoisonIsolation isolation(frame.messages.size());
  std::vector<DeadLetter> dead;
  // The first piece is the whole frame, which was tried already.
  for (auto rows = isolation.next(); rows;) {
    const auto part = frame.messages.subspan(rows->first, rows->count);
    if (piece.end == PieceEnd::kStored) {
      isolation.written();
      events.on_stored(part, confirmed(piece));
      delivered.ends[Fate::kStored] += rows->count;
    } else if (piece.end == PieceEnd::kPoison) {
      isolation.refused(piece.last.error.row);
      for (const std::size_t row : isolation.poison().subspan(dead.size())) {
        dead.push_back(
            make_dead_letter(context_.run, frame.messages[row], piece.attempts, piece.last.error));
      }
    } else if (piece.end == PieceEnd::kDeferred) {
      isolation.defer();
    } else {
      break;
    }
    rows = isolation.next();
    if (rows) {
      piece = try_piece({frame.messages.subspan(rows->first, rows->count)},
                        isolation.may_defer() ? Unwitnessed::kDefer : Unwitnessed::kPersist, events,
                        delivered);
    }
  }
  report_pending(frame, isolation.pending(), piece.end, events, delivered);
  if (dead.empty()) return;
  auto problem = context_.dead_letters.add(dead);
  for (const std::size_t row : isolation.poison()) {
    const auto poison = frame.messages.subspan(row, 1);
    if (problem) {
      report_unstored(poison, Fate::kUnsent, events, delivered);
    } else {
      events.on_dead(poison);
    }
  }
  if (problem) {
    delivered.failure = WriteResult{WriteOutcome::kNotWritten, *std::move(problem)};
  } else {
    delivered.ends[Fate::kDeadLettered] = dead.size();
  }
}

void Courier::interrupt() noexcept {
  interrupted_.request_stop();
  const std::lock_guard lock(mutex_);
  session_.request_stop();
  if (sink_ != nullptr) sink_->interrupt();
}

std::optional<TimePoint> Courier::interrupt_if_overdue(TimePoint overdue) noexcept {
  const std::lock_guard lock(mutex_);
  if (!attempt_began_ || *attempt_began_ > overdue) return attempt_began_;
  cut_ = true;
  session_.request_stop();
  if (sink_ != nullptr) sink_->interrupt();
  return std::nullopt;
}

}  // namespace loadgen
