// The name that a mistyped one was probably meant to be. A pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace loadgen {

// Of names without leading dashes; "" = none is near.
std::string nearest_name(std::string_view mistyped, const std::vector<std::string>& names);

}  // namespace loadgen
