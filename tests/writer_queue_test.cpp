#include "sink/writer_queue.h"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

// A frame is known by the sequence of its one message.
struct OneMessage {
  explicit OneMessage(std::uint64_t sequence) { message.sequence = sequence; }
  [[nodiscard]] WriterQueue::Request of_run(std::int64_t run_id) const {
    return {run_id, frame, {}};
  }
  Message message;
  const Frame frame{{&message, 1}};
};

std::uint64_t number(const Frame& frame) { return frame.messages.front().sequence; }

// Holds the queue with a frame of run 1 until released.
class Holder {
 public:
  explicit Holder(WriterQueue& queue)
      : thread_([this, &queue] {
          const OneMessage mine(1000);
          CHECK(queue
                    .write(mine.of_run(1), {},
                           [this](const WriterQueue::Request& request) { return write(request); })
                    .has_value());
        }) {
    holding_.wait();
  }
  void release() { released_.count_down(); }
  void join() { thread_.join(); }
  // The frames it wrote, its own first.
  std::vector<std::uint64_t> written;
  WriteOutcome outcome = WriteOutcome::kWritten;  // of all but its own
  std::optional<TimePoint> confirmed;             // likewise

 private:
  WriteResult write(const WriterQueue::Request& request) {
    written.push_back(number(request.frame));
    if (written.size() > 1) return {.outcome = outcome, .confirmed = confirmed};
    holding_.count_down();
    released_.wait();
    return {};
  }

  std::latch holding_{1};
  std::latch released_{1};
  std::jthread thread_;
};

}  // namespace

TEST_CASE("writer queue: one thread writes at a time, and each frame is written once") {
  WriterQueue queue;
  int inside = 0;
  std::atomic<int> overlaps{0};
  std::vector<int> times_written(8000, 0);
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (std::uint64_t k = 0; k < 2000; ++k) {
          const OneMessage mine(i * 2000 + k);
          const auto result =
              queue.write(mine.of_run(1), {}, [&](const WriterQueue::Request& request) {
                if (++inside != 1) ++overlaps;  // a data race too, if it were not exclusive
                ++times_written[number(request.frame)];
                --inside;
                return WriteResult{};
              });
          CHECK(result.has_value());
        }
      });
    }
  }
  CHECK(overlaps == 0);
  CHECK(times_written == std::vector<int>(8000, 1));
}

TEST_CASE("writer queue: who writes does so for all who wait, in the order they came") {
  WriterQueue queue;
  Holder holder(queue);
  std::vector<std::jthread> threads;
  std::atomic<int> wrote_themselves{0};
  for (std::uint64_t i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      const OneMessage mine(i);
      CHECK(queue
                .write(mine.of_run(1), {},
                       [&](const WriterQueue::Request&) {
                         ++wrote_themselves;
                         return WriteResult{};
                       })
                .has_value());
    });
    while (queue.waiting() < i + 1) std::this_thread::yield();
  }
  holder.release();
  threads.clear();
  holder.join();
  CHECK(holder.written == std::vector<std::uint64_t>{1000, 0, 1, 2, 3, 4});
  CHECK(wrote_themselves == 0);
}

TEST_CASE("writer queue: no thread works for others for ever") {
  WriterQueue queue;
  Holder holder(queue);
  std::vector<std::jthread> threads;
  std::atomic<int> by_another{0};
  for (std::uint64_t i = 0; i < 100; ++i) {
    threads.emplace_back([&, i] {
      const OneMessage mine(i);
      CHECK(queue
                .write(mine.of_run(1), {},
                       [&](const WriterQueue::Request&) {
                         ++by_another;
                         return WriteResult{};
                       })
                .has_value());
    });
  }
  while (queue.waiting() < 100) std::this_thread::yield();
  holder.release();
  threads.clear();
  holder.join();
  CHECK(holder.written.size() > 2);
  CHECK(holder.written.size() < 80);
  CHECK(holder.written.size() + static_cast<std::size_t>(by_another.load()) == 101);
}

TEST_CASE("writer queue: a thread stops working for others at its own deadline") {
  WriterQueue queue;
  Holder holder(queue);
  holder.confirmed = TimePoint(1s);  // its deadline is the clock's beginning
  std::vector<std::jthread> threads;
  std::atomic<int> by_others{0};
  for (std::uint64_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const OneMessage mine(i);
      CHECK(queue
                .write(mine.of_run(1), {},
                       [&](const WriterQueue::Request&) {
                         ++by_others;
                         return WriteResult{};
                       })
                .has_value());
    });
    while (queue.waiting() < i + 1) std::this_thread::yield();
  }
  holder.release();
  threads.clear();
  holder.join();
  CHECK(holder.written == std::vector<std::uint64_t>{1000, 0});
  CHECK(by_others == 2);
}

TEST_CASE("writer queue: a frame of another run is left to its own connection") {
  WriterQueue queue;
  Holder holder(queue);
  std::vector<std::uint64_t> others;
  std::jthread other([&] {
    const OneMessage mine(7);
    CHECK(queue
              .write(mine.of_run(2), {},
                     [&](const WriterQueue::Request& request) {
                       others.push_back(number(request.frame));
                       return WriteResult{};
                     })
              .has_value());
  });
  while (queue.waiting() < 1) std::this_thread::yield();
  holder.release();
  other.join();
  holder.join();
  CHECK(others == std::vector<std::uint64_t>{7});
  CHECK(holder.written == std::vector<std::uint64_t>{1000});
}

TEST_CASE("writer queue: a failure goes to whose frame it was, and the next writes for itself") {
  WriterQueue queue;
  Holder holder(queue);
  holder.outcome = WriteOutcome::kNotWritten;
  std::vector<std::jthread> threads;
  std::vector<WriteOutcome> outcomes(2);
  for (std::uint64_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const OneMessage mine(i);
      const auto result = queue.write(mine.of_run(1), {},
                                      [](const WriterQueue::Request&) { return WriteResult{}; });
      outcomes[i] = result->outcome;
    });
    while (queue.waiting() < i + 1) std::this_thread::yield();
  }
  holder.release();
  threads.clear();
  holder.join();
  CHECK(outcomes == std::vector{WriteOutcome::kNotWritten, WriteOutcome::kWritten});
  CHECK(holder.written == std::vector<std::uint64_t>{1000, 0});
}

TEST_CASE("writer queue: a stop ends a wait, wherever in the queue, and leaves the others") {
  for (const std::size_t quitter : {0U, 1U, 2U}) {
    CAPTURE(quitter);
    WriterQueue queue;
    Holder holder(queue);
    std::vector<std::stop_source> stops(3);
    std::vector<int> written(3, -1);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        const OneMessage mine(i);
        const auto result = queue.write(mine.of_run(1), stops[i].get_token(),
                                        [](const WriterQueue::Request&) { return WriteResult{}; });
        written[i] = result ? 1 : 0;
      });
      while (queue.waiting() < i + 1) std::this_thread::yield();
    }
    stops[quitter].request_stop();
    threads[quitter].join();
    CHECK(written[quitter] == 0);
    holder.release();
    threads.clear();
    for (std::size_t i = 0; i < 3; ++i) CHECK(written[i] == (i == quitter ? 0 : 1));
  }
}

TEST_CASE("writer queue: a stop requested before is seen even when no thread writes") {
  WriterQueue queue;
  std::stop_source stop;
  stop.request_stop();
  const OneMessage mine(1);
  const auto write = [](const WriterQueue::Request&) { return WriteResult{}; };
  CHECK_FALSE(queue.write(mine.of_run(1), stop.get_token(), write).has_value());
  CHECK(queue.write(mine.of_run(1), {}, write).has_value());
}
