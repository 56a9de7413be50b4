#include "report/hdr_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdint>

#include "base/seconds.h"
#include "stats/hdr_encoding.h"

namespace loadgen {
namespace {

double max_ms(const Histogram& histogram) {
  std::int64_t max = 0;
  histogram.for_each_slot([&](std::int64_t highest, std::uint64_t) { max = highest; });
  return static_cast<double>(max) / 1e6;
}

}  // namespace

std::string hdr_log_header(WallTime start) {
  const auto since_epoch = std::chrono::duration_cast<nanoseconds>(start.time_since_epoch());
  return fmt::format(
      "#[Histogram log format version 1.3]\n"
      "#[StartTime: {:.3f} (seconds since epoch), {:%a %b %d %H:%M:%S} UTC {:%Y}]\n"
      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
      seconds(since_epoch), fmt::gmtime(start), fmt::gmtime(start));
}

std::string hdr_log_lines(nanoseconds begin, nanoseconds end, const LatencyHistograms& latency) {
  std::string lines;
  const auto add = [&](const char* tag, const Histogram& histogram) {
    if (histogram.count() == 0) return;
    lines += fmt::format("Tag={},{:.3f},{:.3f},{:.3f},{}\n", tag, seconds(begin),
                         seconds(end - begin), max_ms(histogram), hdr_base64(histogram));
  };
  add("response", latency.response);
  add("schedule_lag", latency.schedule_lag);
  add("queue_wait", latency.queue_wait);
  add("batch_wait", latency.batch_wait);
  add("write", latency.write);
  return lines;
}

}  // namespace loadgen
