#include "delivery/breaker_machine.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace loadgen {
namespace {

std::size_t index(BreakerState state) { return static_cast<std::size_t>(state); }

}  // namespace

std::string_view to_name(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed:
      return "closed";
    case BreakerState::kOpen:
      return "open";
    case BreakerState::kHalfOpen:
      return "half-open";
  }
  return "";
}

BreakerMachine::BreakerMachine(TimePoint start, BackoffPolicy open_for)
    : open_for_(open_for), entered_(start), next_open_(open_for.base) {
  transitions_.reserve(BreakerReport::kTransitionsKept);
}

BreakerMachine::Answer BreakerMachine::admit(TimePoint now) {
  std::optional<BreakerTransition> transition;
  if (state_ == BreakerState::kOpen) {
    if (now < open_until_) return {std::nullopt, open_until_, std::nullopt};
    transition = move_to(BreakerState::kHalfOpen, now, nanoseconds(0));
  }
  if (state_ == BreakerState::kHalfOpen) {
    if (probing_) return {};
    probing_ = true;
  }
  return {Pass{era_, openings_}, std::nullopt, transition};
}

std::optional<BreakerTransition> BreakerMachine::conclude(Pass pass, BreakerVerdict verdict,
                                                          TimePoint now, double uniform01) {
  if (pass.era != era_) return std::nullopt;
  assert(state_ != BreakerState::kOpen);  // no pass is given while open
  return state_ == BreakerState::kClosed ? judge_closed(verdict, now, uniform01)
                                         : judge_probe(verdict, now, uniform01);
}

std::optional<BreakerTransition> BreakerMachine::judge_closed(BreakerVerdict verdict, TimePoint now,
                                                              double uniform01) {
  if (verdict == BreakerVerdict::kUncounted) return std::nullopt;
  failures_in_a_row_ = verdict == BreakerVerdict::kFailed ? failures_in_a_row_ + 1 : 0;
  window_.add(verdict, now);
  if (failures_in_a_row_ < kFailuresInARow && !window_.sick()) return std::nullopt;
  return open(now, uniform01);
}

std::optional<BreakerTransition> BreakerMachine::judge_probe(BreakerVerdict verdict, TimePoint now,
                                                             double uniform01) {
  assert(probing_);
  probing_ = false;
  if (verdict == BreakerVerdict::kUncounted) return std::nullopt;
  if (verdict == BreakerVerdict::kFailed) return open(now, uniform01);
  if (++probe_successes_ < kProbeSuccesses) return std::nullopt;
  next_open_ = open_for_.base;
  failures_in_a_row_ = 0;
  window_ = {};
  return move_to(BreakerState::kClosed, now, nanoseconds(0));
}

BreakerTransition BreakerMachine::open(TimePoint now, double uniform01) {
  assert(uniform01 >= 0 && uniform01 <= 1);
  const double share = 1 + kOpenJitter * (2 * uniform01 - 1);
  const nanoseconds open_for(
      static_cast<std::int64_t>(static_cast<double>(next_open_.count()) * share));
  next_open_ = next_open_ > open_for_.cap / 2 ? open_for_.cap : 2 * next_open_;
  open_until_ = now + open_for;
  probe_successes_ = 0;
  ++openings_;
  return move_to(BreakerState::kOpen, now, open_for);
}

BreakerTransition BreakerMachine::move_to(BreakerState to, TimePoint now, nanoseconds open_for) {
  const BreakerTransition transition{now, state_, to, open_for};
  spent_[index(state_)] += now - entered_;
  state_ = to;
  entered_ = now;
  ++era_;
  if (transitions_.size() < BreakerReport::kTransitionsKept) transitions_.push_back(transition);
  return transition;
}

BreakerReport BreakerMachine::report(TimePoint now) const {
  std::array<nanoseconds, 3> spent = spent_;
  spent[index(state_)] += now - entered_;
  return {to_name(state_),
          transitions_,
          era_,
          spent[index(BreakerState::kClosed)],
          spent[index(BreakerState::kOpen)],
          spent[index(BreakerState::kHalfOpen)]};
}

void BreakerReport::merge(const BreakerReport& other) {
  const auto severity = [](std::string_view name) {
    if (name == to_name(BreakerState::kOpen)) return 3;
    if (name == to_name(BreakerState::kHalfOpen)) return 2;
    return name == to_name(BreakerState::kClosed) ? 1 : 0;
  };
  if (severity(other.state) > severity(state)) state = other.state;
  std::vector<BreakerTransition> all;
  all.reserve(transitions.size() + other.transitions.size());
  std::merge(transitions.begin(), transitions.end(), other.transitions.begin(),
             other.transitions.end(), std::back_inserter(all),
             [](const auto& a, const auto& b) { return a.at < b.at; });
  if (all.size() > kTransitionsKept) all.resize(kTransitionsKept);
  transitions = std::move(all);
  transitions_total += other.transitions_total;
  closed += other.closed;
  open += other.open;
  half_open += other.half_open;
}

void BreakerMachine::Window::add(BreakerVerdict verdict, TimePoint now) {
  const std::int64_t slot = now.time_since_epoch() / kSlot;
  const auto size = static_cast<std::int64_t>(slots_.size());
  // All slots that began since the last result are a round old, or more.
  for (std::int64_t fresh = std::max(newest_ + 1, slot - size + 1); fresh <= slot; ++fresh) {
    Counts& counts = slots_[static_cast<std::size_t>(fresh % size)];
    sum_.results -= counts.results;
    sum_.failures -= counts.failures;
    counts = {};
  }
  newest_ = slot;
  const std::uint64_t failure = verdict == BreakerVerdict::kFailed ? 1 : 0;
  for (Counts* counts : {&slots_[static_cast<std::size_t>(slot % size)], &sum_}) {
    counts->results += 1;
    counts->failures += failure;
  }
}

bool BreakerMachine::Window::sick() const {
  return sum_.results >= kWindowResultsMin && 2 * sum_.failures >= sum_.results;
}

}  // namespace loadgen
