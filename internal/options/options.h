// Everything a user can set for a run: a plain struct of typed values. Each field states its
// meaning, its default and its consequences; its row (option_row.h) holds its bounds and texts.
// parse_options checks each value; make_plan checks that the values fit together.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "options/choices.h"
#include "options/threshold.h"

namespace loadgen {

// The wait before a retry is random, between 0 and a bound that doubles from `shortest` to
// `longest`.
struct RetryDelay {
  std::chrono::nanoseconds shortest = std::chrono::milliseconds(50);
  std::chrono::nanoseconds longest = std::chrono::seconds(10);
};

// A part of --stages: the rate goes in a straight line from where it was to `rate_end`. With a
// length of 0 it jumps.
struct Stage {
  std::chrono::nanoseconds length{0};
  double rate_end = 0;  // messages per second
};

struct Options {
  // Load ------------------------------------------------------------------------------------------
  // Threads that create messages. They share one rate.
  std::uint32_t producers = 10;
  // Messages per second over all producers together; nullopt = as fast as possible.
  std::optional<double> rps = 500;
  // Whether messages are due evenly or at random times. The total is the same.
  Arrival arrival = Arrival::kEven;
  // How the rate changes: from `rps`, stage by stage. Their lengths add up to `duration`. Empty =
  // it stays.
  std::vector<Stage> stages{};
  // The same load first, for this long, not counted in `duration`: stored and audited, but left out
  // of statistics and thresholds.
  std::chrono::nanoseconds warmup{0};
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
  // Directory of the spool: messages are on disk before they are in the channel, and a later run
  // with the same directory delivers those that are left when the process ends. Empty = none. With
  // OnFull::kSpill only messages for which the channel has no room go there.
  std::string spool;

  // Writing ---------------------------------------------------------------------------------------
  // Threads that write, each with a connection of its own.
  std::uint32_t consumers = 5;
  // Most messages in a frame, that is in one transaction.
  std::uint32_t batch_size = 500;
  // Longest a non-empty batch waits to fill. 0 = write whatever is waiting at once.
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
  // How long to wait at the start for a database that is not up yet, or locked; 0 = not at all if
  // it is not up, and a second if it is locked.
  std::chrono::nanoseconds connect_wait = std::chrono::seconds(10);
  // File for messages that the database refuses; created with the first of them.
  std::string dead_letter = "dead-letter.jsonl";
  // More dead letters than this end the run, because the schema is probably wrong.
  std::uint64_t max_dead_letters = 10'000;
  // File for messages that could not be written in time, or are in doubt; empty = they are only
  // counted.
  std::string unsent;
  // Whether all consumers together stop trying while the database is down.
  Breaker breaker = Breaker::kOn;
  // How long remaining messages may take to be written after production was due to end.
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(20);

  // Result ----------------------------------------------------------------------------------------
  VerifyMode verify = VerifyMode::kCount;
  // File for the JSON result; "-" = stdout, empty = none.
  std::string json;
  // Percentiles of latency that the text result shows.
  std::vector<double> percentiles{50, 90, 95, 99, 99.9, 99.99};
  // What the result must meet; otherwise the exit code is 99.
  std::vector<Threshold> thresholds{};
  // Files, each written when the run is over; empty = none. One row a second, as CSV or JSON Lines.
  std::string timeseries{};
  std::string html{};
  std::string markdown{};
  std::string junit{};
  // HdrHistogram's interval log, and its percentile distribution of the response time.
  std::string hdr_log{};
  std::string hgrm{};
  // An earlier result to compare with; empty = none.
  std::string baseline{};
  // Whether a metric that is worse than the baseline's by more than `noise` (a share) makes the
  // exit code 99.
  bool fail_on_regression = false;
  double noise = 0.03;
  // Time between progress lines; nullopt = none.
  std::optional<std::chrono::nanoseconds> progress = std::chrono::seconds(1);
  // Only warnings and errors on stderr, no progress.
  bool quiet = false;
  LogLevel log_level = LogLevel::kInfo;
};

}  // namespace loadgen
