// Times as numbers, for formulas and documents.
#pragma once

#include <chrono>
#include <cmath>

namespace loadgen {

inline double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// Whole nanoseconds, without the noise of binary fractions.
inline double microseconds(double time_ns) { return std::round(time_ns) / 1e3; }

}  // namespace loadgen
