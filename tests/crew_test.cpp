#include "lane/crew.h"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "support/fake_clock.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

struct Worker {
  std::uint32_t number;
};

// Workers that work until they are told to finish.
struct Fixture {
  ~Fixture() { finish(); }

  void finish() {
    const std::lock_guard lock(mutex);
    finished = true;
    changed.notify_all();
  }

  void work(Worker&, const std::stop_token& retire) {
    ++started;
    std::unique_lock lock(mutex);
    changed.wait(lock, retire, [this] { return finished; });
  }

  std::vector<std::uint32_t> at_work() {
    std::vector<std::uint32_t> numbers;
    crew.for_each([&](Worker& worker) { numbers.push_back(worker.number); });
    return numbers;
  }

  bool wait_while(const std::function<void()>& meanwhile) {
    bool all_done = false;
    std::jthread waiter([&] { all_done = crew.wait(); });
    meanwhile();
    waiter.join();
    return all_done;
  }

  FakeClock clock;
  Ending ending{clock, 20s};
  std::mutex mutex;
  std::condition_variable_any changed;
  bool finished = false;
  std::atomic<std::uint32_t> started{0};
  std::vector<std::uint32_t> folded;
  std::mutex folded_mutex;
  std::atomic<bool> over{false};
  Crew<Worker> crew{
      clock,
      ending,
      {.make = [](std::uint32_t number) { return std::make_unique<Worker>(Worker{number}); },
       .work = [this](Worker& worker, const std::stop_token& retire) { work(worker, retire); },
       .fold =
           [this](Worker& worker) {
             const std::lock_guard lock(folded_mutex);
             folded.push_back(worker.number);
           },
       .over = [this] { return over.load(); }}};
};

}  // namespace

TEST_CASE("crew: workers are numbered as they come, and none works before it is started") {
  Fixture f;
  CHECK(f.crew.hire().number == 0);
  CHECK(f.crew.hire().number == 1);
  CHECK(f.crew.size() == 2);
  CHECK(f.crew.working() == 0);
  CHECK(f.started == 0);
  f.crew.start();
  CHECK(f.crew.working() == 2);
}

TEST_CASE("crew: waiting ends when the last worker is done") {
  Fixture f;
  f.crew.hire();
  f.crew.hire();
  f.crew.start();
  CHECK(f.wait_while([&] { f.finish(); }));
  CHECK(f.crew.working() == 0);
  f.crew.join();
  std::uint32_t visited = 0;
  f.crew.for_each([&](Worker&) { ++visited; });
  CHECK(visited == 2);  // they are there until the crew is gone
}

TEST_CASE("crew: waiting ends when the drain timeout has passed since the planned end") {
  Fixture f;
  f.crew.hire();
  f.crew.start();
  f.ending.expect_end(f.clock.now() + 10s);
  CHECK_FALSE(f.wait_while([&] {
    f.clock.await_sleepers(1);
    f.clock.advance(29s);
    f.clock.await_sleepers(1);  // not yet
    f.clock.advance(1s);
  }));
  CHECK(f.crew.working() == 1);
}

TEST_CASE("crew: an earlier deadline wakes a wait() in progress") {
  Fixture f;
  f.crew.hire();
  f.crew.start();
  CHECK_FALSE(f.wait_while([&] {  // at first there is none
    f.ending.drain(15);
    f.clock.await_sleepers(1);
    f.clock.advance(19s);
    f.clock.await_sleepers(1);
    f.ending.interrupt();
    f.clock.await_sleepers(1);
    f.clock.advance(Ending::kGrace);
  }));
}

TEST_CASE("crew: the newest retire first, leave nothing behind, and their numbers do not return") {
  Fixture f;
  f.crew.resize(3);
  CHECK(f.at_work() == std::vector<std::uint32_t>{0, 1, 2});
  f.crew.resize(1);
  while (f.crew.working() > 1) std::this_thread::yield();
  CHECK(f.at_work() == std::vector<std::uint32_t>{0});
  f.crew.resize(2);
  CHECK(f.at_work() == std::vector<std::uint32_t>{0, 3});
  std::sort(f.folded.begin(), f.folded.end());
  CHECK(f.folded == std::vector<std::uint32_t>{1, 2});
  f.crew.resize(2);
  CHECK(f.crew.size() == 2);
}

TEST_CASE("crew: without workers it is not over, and wait() waits for later ones") {
  Fixture f;
  f.crew.resize(2);
  f.crew.resize(0);
  while (f.crew.working() > 0) std::this_thread::yield();
  std::atomic<bool> waited{false};
  std::jthread waiter([&] {
    CHECK(f.crew.wait());
    waited = true;
  });
  f.crew.resize(1);
  while (f.started < 1) std::this_thread::yield();
  CHECK_FALSE(waited);
  f.finish();
  waiter.join();
  CHECK(waited);
}

TEST_CASE("crew: without workers it is over when its work is done") {
  Fixture f;
  f.ending.expect_end(f.clock.now() + 10s);
  CHECK(f.wait_while([&] {
    f.clock.await_sleepers(1);
    f.over = true;  // as production is at its planned end
    f.clock.advance(10s);
  }));
}

TEST_CASE("crew: no worker is added once it is over") {
  Fixture f;
  f.crew.resize(1);
  f.finish();
  CHECK(f.crew.wait());
  f.crew.resize(5);
  CHECK(f.crew.size() == 1);
  CHECK(f.crew.working() == 0);
}
