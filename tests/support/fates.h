#pragma once

#include <array>

#include "model/fate.h"

namespace loadgen {

constexpr std::array kAllFates{Fate::kStored,  Fate::kDeadLettered, Fate::kDropped,
                               Fate::kSpooled, Fate::kUnsent,       Fate::kInDoubt};
static_assert(kAllFates.size() == Tally::kFates);

}  // namespace loadgen
