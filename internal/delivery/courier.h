// Delivers frames to a target. A courier writes each frame through its own sink, retries while that
// can help, and finds the rows that can never be stored. The error's class (sink/error_class.h),
// the backoff and the breaker that all couriers share decide what it tries, and when.
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
  std::stop_token give_up;  // no further attempt is begun
  std::function<void(const WriteResult&)>
      on_error;  // called for each attempt that did not store; thread-safe
};

// What became of the messages of a frame.
struct Delivered {
  Tally ends;
  std::uint64_t retried_frames = 0;         // written more than once, pieces counted on their own
  std::uint64_t duplicates_suppressed = 0;  // messages that would have been stored twice
  std::uint64_t resent =
      0;  // messages in doubt, written again without a ledger: maybe stored twice
  std::optional<WriteResult> failure{};  // why no further frame can be stored, if so
};

// Called by the delivering thread as the fates of a frame's messages become known. A piece of a
// split frame counts as a frame of its own. Each message is reported by exactly one of on_stored,
// on_dead and on_unstored, unless on_refused returns true.
struct DeliveryEvents {
  using Messages = std::span<const Message>;
  // Before the first attempt of a frame. If it returns an error, neither this nor any other frame
  // is tried.
  std::function<std::optional<WriteError>(Messages)> on_begin = [](Messages) {
    return std::optional<WriteError>();
  };
  // With the time the commit was confirmed.
  std::function<void(Messages, TimePoint)> on_stored = [](Messages, TimePoint) {};
  // Safe in the dead letters.
  std::function<void(Messages)> on_dead = [](Messages) {};
  // The frame was refused for its data, and is surely not stored. True: the caller of deliver()
  // deals with the frame, which is not counted. False: the courier finds the bad rows and stores
  // the others.
  std::function<bool()> on_refused = [] { return false; };
  // The messages were given up: unsent or in doubt. True: the callback accounts for them, and they
  // are not counted in Delivered.
  std::function<bool(Messages, Fate)> on_unstored = [](Messages, Fate) { return false; };
};

class Courier {
 public:
  explicit Courier(const DeliveryContext& context);

  // Connects in advance; otherwise the first frame connects. Throws ConnectError.
  void connect();

  // Blocks until the fate of each message is known, or no further attempt may be begun. Called by
  // one thread at a time.
  Delivered deliver(const Frame& frame, const DeliveryEvents& events);

  // For the delivering thread: how long the backoff or the breaker has held back the current frame.
  [[nodiscard]] nanoseconds held_back() const { return held_back_; }

  // Makes the attempt in progress and every later one end soon. From any thread.
  void interrupt() noexcept;
  // Ends the session of an attempt that began at or before `overdue`; the attempt then fails.
  // Otherwise returns when the attempt in progress began, if there is one. From any thread.
  std::optional<TimePoint> interrupt_if_overdue(TimePoint overdue) noexcept;

 private:
  enum class PieceEnd { kStored, kPoison, kDeferred, kUnsent, kInDoubt };
  // What to do with a piece that is refused again and again while nothing else is stored, so that
  // it is unknown whether the piece is to blame.
  enum class Unwitnessed {
    kSplit,    // a frame: its parts will tell
    kDefer,    // a part: the others will tell
    kPersist,  // there is nothing else to try
  };
  enum class Blame { kNotYet, kFrame, kUnknown };
  // How one piece of a frame ended, and the result of the last attempt.
  struct Piece {
    PieceEnd end = PieceEnd::kUnsent;
    WriteResult last{};
    std::uint64_t attempts = 0;
  };
  // What is known about a piece that is being tried.
  struct Trying {
    std::uint64_t attempts = 0;
    std::uint64_t unknown_errors = 0;
    std::uint32_t waits = 0;  // before attempts
    bool in_doubt = false;
    // Consecutive refusals with the same code, over sessions that stay alive.
    std::string refusal;
    std::uint64_t refusals = 0;
  };

  enum class Stage { kConnect, kWrite };
  struct Attempt {
    Stage stage;
    WriteResult result;
    bool lost_session = false;  // one that had worked before
  };

  [[nodiscard]] TimePoint confirmed(const Piece& piece) const;
  Piece try_piece(const Frame& frame, Unwitnessed unwitnessed, const DeliveryEvents& events,
                  Delivered& delivered);
  static void report_unstored(std::span<const Message> messages, Fate fate,
                              const DeliveryEvents& events, Delivered& delivered);
  [[nodiscard]] static PieceEnd end_unstored(const Trying& trying);
  void note_stored(const Frame& frame, const WriteResult& result, const Trying& trying,
                   Delivered& delivered) const;
  [[nodiscard]] std::optional<PieceEnd> judge_failure(const Attempt& attempt,
                                                      Unwitnessed unwitnessed, Trying& trying,
                                                      Delivered& delivered);
  Attempt attempt_admitted(const Frame& frame, CircuitBreaker::Admission& admission);
  Attempt attempt(const Frame& frame);
  void begin_attempt(TimePoint now);
  WriteResult end_attempt(WriteResult result);
  void drop_sink();
  [[nodiscard]] Blame whose_fault(const Attempt& attempt, Trying& trying);
  [[nodiscard]] bool is_hopeless(const Attempt& attempt, const Trying& trying);
  static void report_pending(const Frame& frame, std::span<const PoisonIsolation::Piece> pending,
                             PieceEnd last, const DeliveryEvents& events, Delivered& delivered);
  bool back_off(const WriteResult& result, Trying& trying);
  void isolate(const Frame& frame, Piece piece, const DeliveryEvents& events, Delivered& delivered);

  const DeliveryContext& context_;
  std::minstd_rand random_;  // of the backoff
  nanoseconds held_back_{0};
  // How often all couriers had succeeded when the current frame was first refused.
  std::optional<std::uint64_t> successes_before_;
  bool was_connected_ = false;
  bool sink_has_stored_ = false;            // the current sink
  std::uint64_t openings_ = 0;              // of the breaker, when the target was last tried
  std::optional<TimePoint> refused_since_;  // the target refuses to let us in

  std::stop_source interrupted_;
  std::mutex mutex_;
  // Guarded by mutex_ (sink_: only the pointer, which only the delivering thread changes).
  std::unique_ptr<Sink> sink_;
  std::stop_source session_;  // ends what the current sink, or one being made, waits for
  std::optional<TimePoint> attempt_began_;
  bool cut_ = false;  // the attempt in progress was overdue
};

}  // namespace loadgen
