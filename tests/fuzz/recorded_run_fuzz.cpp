#include "base/error.h"
#include "fuzz.h"
#include "report/recorded_run.h"

using namespace loadgen;

// The fields: a run's configuration and its result, as loadgen_runs holds them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto fields = fields_of(as_text(data, size));
  fields.resize(2);
  const RecordedRun run{.run_id = 7,
                        .config_json = std::string(fields[0]),
                        .result_json = std::string(fields[1]),
                        .ledger_rows = 11};
  try {
    const RecordedFacts facts = facts_of(run);
    require(facts.run_id == 7 && facts.ledger_rows == 11, "what is no JSON is passed on");
    require(1 <= facts.message_size && facts.message_size <= 256,
            "a message's size is one a run can have");
    // Numbers are not converted: each stands in the text as it was read.
    for (const std::uint64_t number : {facts.seed, std::uint64_t{facts.message_size}}) {
      require(fields[0].find(std::to_string(number)) != std::string_view::npos,
              "the configuration's numbers are its own");
    }
    require(facts.scheduled.has_value() == !fields[1].empty() &&
                facts.stored.has_value() == !fields[1].empty(),
            "a run that ended has its counts, and no other has");
    for (const std::uint64_t number : {facts.scheduled.value_or(0), facts.stored.value_or(0)}) {
      require(fields[1].empty() || fields[1].find(std::to_string(number)) != std::string_view::npos,
              "the result's numbers are its own");
    }
  } catch (const SetupError& error) {
    require(is_one_line(error.what()), "what is wrong is said in one line");
  }
  return 0;
}
