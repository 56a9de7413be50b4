#include "stats/latency_histograms.h"

namespace loadgen {

void LatencyHistograms::merge(const LatencyHistograms& other) {
  response.merge(other.response);
  schedule_lag.merge(other.schedule_lag);
  queue_wait.merge(other.queue_wait);
  batch_wait.merge(other.batch_wait);
  write.merge(other.write);
  held_back.merge(other.held_back);
  uncorrected.merge(other.uncorrected);
  stored.merge(other.stored);
}

void LatencyHistograms::clear() {
  for (Histogram* const histogram :
       {&response, &schedule_lag, &queue_wait, &batch_wait, &write, &held_back, &uncorrected}) {
    histogram->clear();
  }
  stored = StoredCurve();
}

void LatencyHistograms::record(std::span<const Message> messages, TimePoint start,
                               TimePoint write_begin, TimePoint write_end,
                               nanoseconds held_back_for) {
  write.record(write_end - write_begin, messages.size());
  held_back.record(held_back_for, messages.size());
  uncorrected.record(write_end - write_begin);
  stored.record(write_end - start, messages.size());
  for (std::size_t i = 0; i < messages.size();) {
    // At high rates messages are made in batches and share their times: counted in one go.
    const Message& message = messages[i];
    std::size_t same = 1;
    while (i + same < messages.size() && messages[i + same].due == message.due &&
           messages[i + same].created == message.created &&
           messages[i + same].taken == message.taken) {
      ++same;
    }
    response.record(write_end - message.due, same);
    schedule_lag.record(message.created - message.due, same);
    queue_wait.record(message.taken - message.created, same);
    batch_wait.record(write_begin - message.taken, same);
    i += same;
  }
}

}  // namespace loadgen
