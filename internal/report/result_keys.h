// Which keys of a result have which type, as far as this program reads them. Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace loadgen {

// What is wrong with the document, naming the key by its JSON pointer; "" = it is the result of a
// run, and can be used without further checks. A number is never negative nor above 1e18.
std::string problem_of(const nlohmann::ordered_json& document);

}  // namespace loadgen
