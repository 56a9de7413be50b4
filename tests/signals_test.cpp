#include "run/signals.h"

#include <doctest/doctest.h>

using namespace loadgen;
using namespace std::chrono_literals;

TEST_CASE("signals: the same one again within 200 ms is an echo, and a later one is not") {
  const TimePoint start{1000h};
  SignalEchoes echoes;
  CHECK_FALSE(echoes.is_echo(SIGTERM, start));
  CHECK(echoes.is_echo(SIGTERM, start));
  CHECK(echoes.is_echo(SIGTERM, start + 150ms));
  CHECK(echoes.is_echo(SIGTERM, start + 200ms - 1ns));
  CHECK_FALSE(echoes.is_echo(SIGTERM, start + 200ms));  // counted from the first, not from its echo
  CHECK(echoes.is_echo(SIGTERM, start + 399ms));        // of the second
  CHECK_FALSE(echoes.is_echo(SIGTERM, start + 400ms));
}

TEST_CASE("signals: another one is no echo, however soon it comes") {
  const TimePoint start{1000h};
  SignalEchoes echoes;
  CHECK_FALSE(echoes.is_echo(SIGHUP, start));
  CHECK_FALSE(echoes.is_echo(SIGINT, start));
  CHECK_FALSE(echoes.is_echo(SIGTERM, start));
  CHECK(echoes.is_echo(SIGTERM, start));
}
