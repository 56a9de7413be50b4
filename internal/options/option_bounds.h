// Bounds and a helper that the files of rows share.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>

#include "options/option_rows.h"

namespace loadgen {

// The most producers, and the most consumers.
inline constexpr std::uint64_t kMostThreads = 1024;
// 31 years at a million a second.
inline constexpr std::uint64_t kMostMessages = 1'000'000'000'000'000;

inline OptionRows joined(std::initializer_list<OptionRows> parts) {
  OptionRows rows;
  for (const OptionRows& part : parts) rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

}  // namespace loadgen
