#include "sink/writer_lock.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace loadgen;

TEST_CASE("writer lock: only one thread holds it at a time") {
  WriterLock lock;
  int inside = 0;
  std::atomic<int> overlaps{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 2000; ++k) {
          if (!lock.lock({})) return;
          if (++inside != 1) ++overlaps;  // a data race too, if it were not exclusive
          --inside;
          lock.unlock();
        }
      });
    }
  }
  CHECK(overlaps == 0);
  CHECK(lock.lock({}));  // free in the end
}

TEST_CASE("writer lock: waiters get it in the order they came") {
  WriterLock lock;
  REQUIRE(lock.lock({}));
  std::vector<int> order;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      CHECK(lock.lock({}));
      order.push_back(i);
      lock.unlock();
    });
    while (lock.waiting() < static_cast<std::size_t>(i + 1)) std::this_thread::yield();
  }
  lock.unlock();
  threads.clear();
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("writer lock: a stop ends a wait, wherever in the queue, and leaves the others") {
  for (const std::size_t quitter : {0U, 1U, 2U}) {
    CAPTURE(quitter);
    WriterLock lock;
    REQUIRE(lock.lock({}));
    std::vector<std::stop_source> stops(3);
    std::vector<int> got(3, -1);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        got[i] = lock.lock(stops[i].get_token()) ? 1 : 0;
        if (got[i] == 1) lock.unlock();
      });
      while (lock.waiting() < i + 1) std::this_thread::yield();
    }
    stops[quitter].request_stop();
    threads[quitter].join();
    CHECK(got[quitter] == 0);
    lock.unlock();
    threads.clear();
    for (std::size_t i = 0; i < 3; ++i) CHECK(got[i] == (i == quitter ? 0 : 1));
  }
}

TEST_CASE("writer lock: a stop requested before is seen even when the lock is free") {
  WriterLock lock;
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(lock.lock(stop.get_token()));
  CHECK(lock.lock({}));
}
