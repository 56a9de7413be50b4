#include "report/recorded_run.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace loadgen;

namespace {

RecordedRun recorded(std::string config, std::string result = "") {
  return {.run_id = 7,
          .table = "messages",
          .config_json = std::move(config),
          .result_json = std::move(result),
          .ledger_rows = 11};
}

}  // namespace

TEST_CASE("recorded run: what the audit needs of a run that ended") {
  const RecordedFacts facts =
      facts_of(recorded(R"({"seed":18446744073709551615,"message_size":64,"rps":500.0})",
                        R"({"counts":{"scheduled":500,"stored":499}})"));
  CHECK(facts.run_id == 7);
  CHECK(facts.seed == UINT64_MAX);
  CHECK(facts.message_size == 64);
  CHECK(facts.scheduled == 500U);
  CHECK(facts.stored == 499U);
  CHECK(facts.ledger_rows == 11);
}

TEST_CASE("recorded run: one that was killed has no counts") {
  const RecordedFacts facts = facts_of(recorded(R"({"seed":0,"message_size":256})"));
  CHECK_FALSE(facts.scheduled.has_value());
  CHECK_FALSE(facts.stored.has_value());
}

TEST_CASE("recorded run: a record that is not ours is refused, and no number is converted") {
  for (const std::string config :
       {"", "null", "{}", R"({"seed":1})", R"({"seed":-1,"message_size":64})",
        R"({"seed":1.5,"message_size":64})", R"({"seed":18446744073709551616,"message_size":64})",
        R"({"seed":"1","message_size":64})", R"({"seed":1,"message_size":0})",
        R"({"seed":1,"message_size":257})", R"({"seed":1,"message_size":4294967360})"}) {
    CAPTURE(config);
    CHECK_THROWS_WITH_AS(facts_of(recorded(config)),
                         "run 7: its record in loadgen_runs cannot be read", SetupError);
  }
  for (const std::string result :
       {"{", "{}", R"({"counts":[]})", R"({"counts":{"scheduled":-1,"stored":1}})",
        R"({"counts":{"scheduled":1,"stored":1e30}})"}) {
    CAPTURE(result);
    CHECK_THROWS_AS(facts_of(recorded(R"({"seed":1,"message_size":64})", result)), SetupError);
  }
}
