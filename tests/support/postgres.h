// The throw-away Postgres that scripts/with-postgres started around the tests.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>

namespace loadgen {

// Its address; without one the test is skipped, loudly, and in CI it fails.
inline std::optional<std::string> test_postgres() {
  const char* address = std::getenv("LOADGEN_TEST_POSTGRES");
  if (address != nullptr) return address;
  if (std::getenv("CI") != nullptr) {
    FAIL("no Postgres for the tests: run them with scripts/with-postgres");
  }
  MESSAGE("SKIPPED: no Postgres for the tests; run them with scripts/with-postgres");
  return std::nullopt;
}

// A table name no other test uses.
inline std::string unique_table() {
  static std::atomic<int> next{0};
  return "t_" + std::to_string(getpid()) + "_" + std::to_string(next++);
}

// The ledger knows frames by run and number: tests that share a database must not share runs.
inline std::int64_t unique_run() {
  static std::atomic<std::int64_t> next{std::int64_t{getpid()} << 32};
  return ++next;
}

}  // namespace loadgen
