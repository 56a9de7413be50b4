// Everything a user can set for a run: a plain struct of typed values. Each field states its
// meaning, its default and what follows from it; its row (option_row.h) holds its bounds and its
// texts. Single values are in range when parse_options made them; how they fit together is checked
// by make_plan.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "options/choices.h"

namespace loadgen {

// The wait before a retry is chosen at random between 0 and a bound that doubles from one to the
// other.
struct RetryDelay {
  std::chrono::nanoseconds shortest = std::chrono::milliseconds(50);
  std::chrono::nanoseconds longest = std::chrono::seconds(10);
};

struct Options {
  // Load ------------------------------------------------------------------------------------------
  // Threads that create messages. They share one rate.
  std::uint32_t producers = 10;
  // Messages per second over all producers together; nullopt = as fast as possible.
  std::optional<double> rps = 500;
  // How long messages are produced; 0 = until a signal, which then is the normal end.
  std::chrono::nanoseconds duration = std::chrono::seconds(10);
  // Produce at most this many; ends the run when it comes before `duration`.
  std::optional<std::uint64_t> count;
  // Token-bucket capacity: how many overdue tickets may wait. nullopt = all of them: a stalled
  // target makes messages late, never fewer. Finite: the surplus is skipped, oldest first.
  std::optional<std::uint64_t> burst;
  // Messages later than this are skipped instead of sent. nullopt = none is too late.
  std::optional<std::chrono::nanoseconds> max_lag;
  // Bytes of text in a message; at most the width of the built-in table.
  std::uint32_t message_size = 64;
  // Every text is a pure function of (seed, sequence, producer). nullopt = chosen at random.
  std::optional<std::uint64_t> seed;

  // Channel ---------------------------------------------------------------------------------------
  // Most messages that wait between producers and consumers.
  std::uint64_t queue_capacity = 10'000;
  OnFull on_full = OnFull::kBlock;
  // Directory of the spool: messages are on disk before they are in the channel, and what is not
  // delivered when the process ends is delivered by a later run with the same directory. Empty =
  // none. With OnFull::kSpill only what the channel has no room for goes there.
  std::string spool;

  // Writing ---------------------------------------------------------------------------------------
  // Threads that write, each with a connection of its own.
  std::uint32_t consumers = 5;
  // Most messages in a frame, that is in one transaction.
  std::uint32_t batch_size = 500;
  // Longest a non-empty batch waits to fill. 0 = write at once whatever is there.
  std::chrono::nanoseconds linger = std::chrono::milliseconds(5);
  // May hold a password: show it only through redact().
  std::string db = "sqlite:messages.db";
  std::string table = "messages";
  InsertMethod insert = InsertMethod::kAuto;
  Durability durability = Durability::kFull;
  // Exactly once: each frame's transaction also notes its id in the table loadgen_ledger, so that a
  // frame whose commit has no known outcome can be written again without being stored twice.
  Delivery delivery = Delivery::kExactlyOnce;
  // Retries of one frame; nullopt = until the drain timeout.
  std::optional<std::uint64_t> retries{};
  RetryDelay retry_delay{};
  // Longest one attempt to write a frame may take.
  std::chrono::nanoseconds timeout = std::chrono::seconds(30);
  // How long to wait at the start for a database that is not up yet, or locked; 0 = not at all for
  // the former, and a second for the latter.
  std::chrono::nanoseconds connect_wait = std::chrono::seconds(10);
  // File for the messages no database will take; made when the first of them comes.
  std::string dead_letter = "dead-letter.jsonl";
  // More than this many are the fault of the schema: they end the run.
  std::uint64_t max_dead_letters = 10'000;
  // File for the messages that could not be written in time, or are in doubt; empty = they are only
  // counted.
  std::string unsent;
  // Whether all consumers together stop trying while the database is down.
  Breaker breaker = Breaker::kOn;
  // How long the rest may take to be written once production was due to end.
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(20);

  // Result ----------------------------------------------------------------------------------------
  VerifyMode verify = VerifyMode::kCount;
  // File for the JSON result; "-" = stdout, empty = none.
  std::string json;
  // Time between progress lines; nullopt = none.
  std::optional<std::chrono::nanoseconds> progress = std::chrono::seconds(1);
  // Only warnings and errors on stderr, no progress.
  bool quiet = false;
  LogLevel log_level = LogLevel::kInfo;
};

}  // namespace loadgen
