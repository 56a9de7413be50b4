// Everything a user can set for a run: a plain struct of typed values. Each field states its
// meaning, its default and what follows from it. Single values are in range when parse_options made
// them; how they fit together is checked by make_plan.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "options/choices.h"

namespace loadgen {

struct Options {
  // Load ------------------------------------------------------------------------------------------
  // Threads that create messages, 1..1024. They share one rate.
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
  // Bytes of text in a message, 1..256 (the width of the built-in table).
  std::uint32_t message_size = 64;
  // Every text is a pure function of (seed, sequence, producer). nullopt = chosen at random.
  std::optional<std::uint64_t> seed;

  // Channel ---------------------------------------------------------------------------------------
  // Most messages that wait between producers and consumers.
  std::uint64_t queue_capacity = 10'000;
  OnFull on_full = OnFull::kBlock;

  // Writing ---------------------------------------------------------------------------------------
  // Threads that write, 1..1024, each with a connection of its own.
  std::uint32_t consumers = 5;
  // Most messages in a frame, that is in one transaction, 1..100000.
  std::uint32_t batch_size = 500;
  // Longest a non-empty batch waits to fill. 0 = write at once whatever is there.
  std::chrono::nanoseconds linger = std::chrono::milliseconds(5);
  // May hold a password: show it only through redact().
  std::string db = "sqlite:messages.db";
  std::string table = "messages";
  InsertMethod insert = InsertMethod::kAuto;
  Durability durability = Durability::kFull;
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
