// Delivers frames to a target: writes each through a sink of its own, again and again while that
// can help, and finds out the rows that can never be stored. What it may try, and when, is decided
// by the error's class (sink/error_class.h), by the backoff, and by the breaker all couriers share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "delivery/backoff.h"
#include "delivery/circuit_breaker.h"
#include "delivery/dead_letters.h"
#include "delivery/poison_isolation.h"
#include "model/fate.h"
#include "sink/sink.h"

namespace loadgen {

// Whether a frame may have been written before this process first tried it.
enum class Origin { kFresh, kReplayed };

struct DeliveryPolicy {
  Delivery delivery = Delivery::kExactlyOnce;
  Origin origin = Origin::kFresh;
  // Most retries of one frame; nullopt = until told to give up.
  std::optional<std::uint64_t> retries;
  BackoffPolicy outage{std::chrono::milliseconds(50), std::chrono::seconds(10)};
  // The longest an attempt may take, connecting included. The watchdog enforces it.
  nanoseconds timeout = std::chrono::seconds(30);
};

// What all couriers of a run share. Borrowed; must outlive them.
struct DeliveryContext {
  Target& target;
  RunIdentity run;
  Clock& clock;
  CircuitBreaker& breaker;
  RetryBudget& budget;
  DeadLetterBox& dead_letters;
  DeliveryPolicy policy;
  std::stop_token give_up;                           // no further attempt is begun
  std::function<void(const WriteResult&)> on_error;  // an attempt did not store; thread-safe
};

// What became of the messages of a frame.
struct Delivered {
  Tally ends;
  std::uint64_t retried_frames = 0;         // written more than once, pieces counted on their own
  std::uint64_t duplicates_suppressed = 0;  // messages that would have been stored twice
  std::uint64_t resent =
      0;  // messages in doubt, written again without a ledger: maybe stored twice
  std::optional<WriteResult> failure{};  // why no further frame will be stored, if that is so
};

// Told of a frame's messages as their fate is known, by the thread that delivers. A piece of a
// frame is a frame of its own; every message is in exactly one of the last three.
struct DeliveryEvents {
  using Messages = std::span<const Message>;
  // Before a frame is tried for the first time. An error: it is not tried, nor is any other.
  std::function<std::optional<WriteError>(Messages)> on_begin = [](Messages) {
    return std::optional<WriteError>();
  };
  // With the time the commit was confirmed.
  std::function<void(Messages, TimePoint)> on_stored = [](Messages, TimePoint) {};
  // Safe in the dead letters.
  std::function<void(Messages)> on_dead = [](Messages) {};
  // The frame was refused for what is in it, and is surely not stored. True: whoever sent it deals
  // with it, and it counts nowhere; false: its bad rows are looked for, and the others stored.
  std::function<bool()> on_refused = [] { return false; };
  // Given up on: unsent, or in doubt. True: whoever is told accounts for them, and they do not
  // count here.
  std::function<bool(Messages, Fate)> on_left = [](Messages, Fate) { return false; };
};

class Courier {
 public:
  explicit Courier(const DeliveryContext& context);

  // Makes the connection the first frame goes through; without it, that frame does. Throws
  // ConnectError.
  void connect();

  // Blocks until each message of the frame is settled, or no further attempt may be begun. Called
  // by one thread at a time.
  Delivered deliver(const Frame& frame, const DeliveryEvents& events);

  // For the thread that delivers: how long the frame at hand has waited between attempts, held back
  // by the backoff or the breaker.
  [[nodiscard]] nanoseconds held_back() const { return held_back_; }

  // Makes an attempt in progress, and every later one, end soon. From any thread.
  void interrupt() noexcept;
  // Gives up the session of an attempt that began at or before `overdue`, connecting or writing:
  // the attempt then fails. Returns when the attempt in progress began, if there is one that goes
  // on. From any thread.
  std::optional<TimePoint> interrupt_if_overdue(TimePoint overdue) noexcept;

 private:
  enum class Settled { kStored, kPoison, kDeferred, kUnsent, kInDoubt };
  // What to do with a piece that is refused again and again while nothing else is stored, so that
  // nobody knows whether it is to blame.
  enum class Unwitnessed {
    kSplit,    // a frame: its parts will tell
    kDefer,    // a part: the others will tell
    kPersist,  // there is nothing else to try
  };
  enum class Blame { kNotYet, kFrame, kUnknown };
  // How one piece of a frame ended, and what the last attempt said.
  struct Piece {
    Settled settled = Settled::kUnsent;
    WriteResult last{};
    std::uint64_t attempts = 0;
  };
  // What is known of a piece that is being tried.
  struct Trying {
    std::uint64_t attempts = 0;
    std::uint64_t unknown_errors = 0;
    std::uint32_t waits = 0;  // before attempts
    bool in_doubt = false;
    // Refusals with one code, one after the other, over sessions that live.
    std::string refusal;
    std::uint64_t refusals = 0;
  };

  enum class Stage { kConnect, kWrite };
  struct Attempt {
    Stage stage;
    WriteResult result;
  };

  [[nodiscard]] TimePoint confirmed(const Piece& piece) const;
  Piece settle(const Frame& frame, Unwitnessed unwitnessed, const DeliveryEvents& events,
               Delivered& delivered);
  static void leave(std::span<const Message> messages, Fate fate, const DeliveryEvents& events,
                    Delivered& delivered);
  Attempt attempt(const Frame& frame);
  void begin_attempt(TimePoint now);
  WriteResult end_attempt(WriteResult result);
  void drop_sink();
  [[nodiscard]] Blame whose_fault(const Attempt& attempt, Trying& trying);
  [[nodiscard]] bool is_hopeless(const Attempt& attempt, const Trying& trying);
  static void leave_pending(const Frame& frame, std::span<const PoisonIsolation::Piece> pending,
                            Settled last, const DeliveryEvents& events, Delivered& delivered);
  bool back_off(const WriteResult& result, Trying& trying);
  void isolate(const Frame& frame, Piece piece, const DeliveryEvents& events, Delivered& delivered);

  const DeliveryContext& context_;
  std::minstd_rand random_;  // of the backoff
  nanoseconds held_back_{0};
  // How often all couriers had succeeded when the frame at hand was first refused.
  std::optional<std::uint64_t> successes_before_;
  bool was_connected_ = false;
  bool sink_has_stored_ = false;            // the one there is now
  std::uint64_t openings_ = 0;              // of the breaker, when the target was last tried
  std::optional<TimePoint> refused_since_;  // the target turns us away as if we were strangers

  std::stop_source interrupted_;
  std::mutex mutex_;
  // Guarded by mutex_: the pointer, against interrupt(). Only the delivering thread changes it.
  std::unique_ptr<Sink> sink_;
  std::stop_source session_;  // ends whatever the sink that is there, or is being made, waits for
  std::optional<TimePoint> attempt_began_;
  bool cut_ = false;  // the attempt in progress was overdue
};

}  // namespace loadgen
