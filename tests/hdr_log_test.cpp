#include "report/hdr_log.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "stats/hdr_encoding.h"

using namespace loadgen;
using namespace std::chrono_literals;

TEST_CASE("hdr log: the first lines tell the format and when the run began") {
  const WallTime start{std::chrono::milliseconds(1'441'812'279'474)};
  CHECK(hdr_log_header(start) ==
        "#[Histogram log format version 1.3]\n"
        "#[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 15:24:39 UTC 2015]\n"
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
        "\"Interval_Compressed_Histogram\"\n");
}

TEST_CASE("hdr log: each part has a line, with seconds and the maximum in milliseconds") {
  LatencyHistograms latency;
  latency.response.record(15ms, 2);
  latency.schedule_lag.record(1ms, 2);
  latency.queue_wait.record(2ms, 2);
  latency.batch_wait.record(3ms, 2);
  latency.write.record(9ms, 2);
  latency.held_back.record(1s, 2);  // not a part of its own
  CHECK(hdr_log_lines(12s, 13'003ms, latency) ==
        "Tag=response,12.000,1.003,15.008," + hdr_base64(latency.response) +
            "\nTag=schedule_lag,12.000,1.003,1.000," + hdr_base64(latency.schedule_lag) +
            "\nTag=queue_wait,12.000,1.003,2.001," + hdr_base64(latency.queue_wait) +
            "\nTag=batch_wait,12.000,1.003,3.000," + hdr_base64(latency.batch_wait) +
            "\nTag=write,12.000,1.003,9.003," + hdr_base64(latency.write) + "\n");
}

TEST_CASE("hdr log: an interval without a message has no line") {
  CHECK(hdr_log_lines(0s, 1s, {}) == "");
}
