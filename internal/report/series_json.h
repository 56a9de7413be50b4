// The series of a run in the result's form, and as a file for other programs. Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "stats/series.h"

namespace loadgen {

// {interval_s, samples[]}: docs/result.schema.json tells the keys of a sample.
nlohmann::ordered_json series_json(const Series& series);

// A header and a line for each sample. Nested keys are joined with "_"; what is null in JSON is
// empty.
std::string series_csv(const Series& series);

// A line with a JSON object for each sample.
std::string series_jsonl(const Series& series);

}  // namespace loadgen
