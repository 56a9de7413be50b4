#include "report/hgrm_report.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "support/process.h"

using namespace loadgen;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// The golden file was printed by HdrHistogram 2.1.11 (Java) for the same values:
// outputPercentileDistribution(stream, 5, 1000000.0).
TEST_CASE("hgrm: the text is HdrHistogram's, to the letter") {
  Histogram histogram;
  for (std::int64_t i = 1; i <= 10'000; ++i) histogram.record(nanoseconds(i * i * 37 + 90'000));
  histogram.record(1h);
  CHECK(hgrm_report(histogram) == read_file(LOADGEN_GOLDEN_DIR "/response.hgrm"));
}

TEST_CASE("hgrm: without a value there are only the first and the last lines") {
  CHECK(hgrm_report(Histogram()) ==
        "       Value     Percentile TotalCount 1/(1-Percentile)\n"
        "\n"
        "#[Mean    =        0.000, StdDeviation   =        0.000]\n"
        "#[Max     =        0.000, Total count    =            0]\n"
        "#[Buckets =           26, SubBuckets     =         2048]\n");
}

TEST_CASE("hgrm: one value is at 0 % and at 100 %") {
  Histogram histogram;
  histogram.record(1ms);
  CHECK(hgrm_report(histogram) ==
        "       Value     Percentile TotalCount 1/(1-Percentile)\n"
        "\n"
        "       1.000 0.000000000000          1           1.00\n"
        "       1.000 1.000000000000          1\n"
        "#[Mean    =        1.000, StdDeviation   =        0.000]\n"
        "#[Max     =        1.000, Total count    =            1]\n"
        "#[Buckets =           26, SubBuckets     =         2048]\n");
}
