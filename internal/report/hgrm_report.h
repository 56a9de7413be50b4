// The percentile distribution of a histogram in HdrHistogram's text format (.hgrm), in milliseconds
// and with five steps per half distance to 100 %. It is, to the letter, what HdrHistogram's
// outputPercentileDistribution prints for the same counts. Pure.
#pragma once

#include <string>

#include "stats/histogram.h"

namespace loadgen {

// Minimum, mean and standard deviation are those of the slots, within the histogram's resolution.
std::string hgrm_report(const Histogram& histogram);

}  // namespace loadgen
