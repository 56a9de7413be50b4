// A histogram as HdrHistogram's tools read it: encoding V2, compressed by zlib, in base64. Pure.
// https://github.com/HdrHistogram/HdrHistogram, AbstractHistogram.encodeIntoCompressedByteBuffer
#pragma once

#include <string>

#include "stats/histogram.h"

namespace loadgen {

// Holds the counts of all slots, in nanoseconds. Exact minimum, maximum and sums are not part of
// the encoding. Throws std::bad_alloc.
std::string hdr_base64(const Histogram& histogram);

}  // namespace loadgen
