// HdrHistogram's interval log (.hlog), format version 1.3: the latency of each interval of a run,
// with a line for each of its parts. Times are in seconds, maxima in milliseconds, the encoded
// values in nanoseconds, as HdrHistogram's tools expect. Pure functions.
// https://github.com/HdrHistogram/HdrHistogram, HistogramLogWriter
#pragma once

#include <string>

#include "base/clock.h"
#include "stats/latency_histograms.h"

namespace loadgen {

// The first lines of a log. The times of its intervals count from `start`.
std::string hdr_log_header(WallTime start);

// A part without a value has no line.
std::string hdr_log_lines(nanoseconds begin, nanoseconds end, const LatencyHistograms& latency);

}  // namespace loadgen
