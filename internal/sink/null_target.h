// The null target accepts every frame and stores nothing. It shows how fast the generator itself
// is.
#pragma once

#include <memory>
#include <string_view>

#include "sink/sink.h"
#include "sink/target_config.h"

namespace loadgen {

bool is_null_address(std::string_view address);
std::unique_ptr<Target> make_null_target(const TargetConfig& config, Clock& clock);

}  // namespace loadgen
