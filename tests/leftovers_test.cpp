#include "lane/leftovers.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "channel/make_channel.h"
#include "support/fake_clock.h"
#include "support/unsent_letters.h"

using namespace loadgen;

namespace {

std::vector<Message> messages(std::uint64_t first, std::size_t count) {
  std::vector<Message> list(count);
  for (std::size_t i = 0; i < count; ++i) list[i].sequence = first + i;
  return list;
}

// A channel with a real spool behind it, or none, and the file for unsent messages.
struct Fixture {
  explicit Fixture(std::optional<OnFull> on_full_with_spool = std::nullopt) {
    if (on_full_with_spool) spool = std::make_unique<Spool>(letters.dir.file("spool"), clock);
    custody = std::make_unique<Custody>(spool.get(), SpooledRun{.run_id = 1});
    channel = make_channel({.capacity = 10,
                            .on_full = on_full_with_spool.value_or(OnFull::kBlock),
                            .clock = clock,
                            .custody = *custody,
                            .target_is_down = [] { return false; }});
  }

  void push(std::uint64_t first, std::size_t count) {
    auto batch = messages(first, count);
    CHECK(channel->push(batch).accepted == count);
  }

  Leftovers::Result finish() { return leftovers().finish(*channel, "unsent.jsonl"); }
  Leftovers& leftovers(Leftovers::Threads threads = Leftovers::Threads::kJoined) {
    if (!made) made.emplace(*custody, letters.box, threads);
    return *made;
  }
  [[nodiscard]] std::uint64_t on_disk() const {
    spool->flush();
    return spool->read([](SpoolStore& store) { return store.count(1); });
  }

  FakeClock clock;
  UnsentLetters letters;
  std::unique_ptr<Spool> spool;
  std::unique_ptr<Custody> custody;
  std::unique_ptr<Channel> channel;
  std::optional<Leftovers> made;
};

using Ends = Tally;

}  // namespace

TEST_CASE("leftovers: without a spool, what the channel and workers hold is unsent, each once") {
  Fixture f;
  f.push(0, 3);
  f.leftovers().add_unwritten(messages(3, 2));
  const Leftovers::Result result = f.finish();
  CHECK(result.ends == Ends{{Fate::kUnsent, 5}});
  CHECK(f.letters.count().all == 5);
  CHECK(f.letters.count().in_doubt == 0);
  CHECK(result.spool_agrees);
}

TEST_CASE("leftovers: what may have been written or taken is in doubt, each once") {
  Fixture f;
  f.leftovers().add_doubtful_frame(messages(0, 3));
  f.leftovers().add_doubtful(messages(3, 4));
  CHECK(f.finish().ends == Ends{{Fate::kInDoubt, 7}});
  CHECK(f.letters.count().all == 7);
  CHECK(f.letters.count().in_doubt == 3);  // the others were never tried as a frame
}

TEST_CASE("leftovers: what is in the spool stays there, and counts once") {
  for (const OnFull policy : {OnFull::kBlock, OnFull::kSpill}) {
    Fixture f(policy);
    f.push(0, 3);
    std::vector<Message> frame(2);
    REQUIRE(f.channel->pop(frame, std::nullopt, {}) == 2);
    f.leftovers().add_unwritten(frame);
    f.leftovers().add_unwritten(messages(7, 1));  // never was in the channel
    const Leftovers::Result result = f.finish();
    CHECK(result.ends == Ends{{Fate::kSpooled, 4}});
    CHECK(result.spool_agrees);
    CHECK(result.spool_problem.empty());
    CHECK(f.on_disk() == 4);
    CHECK(f.letters.count().all == 0);
  }
}

TEST_CASE("leftovers: a frame that may have been written is in the spool, or in doubt") {
  Fixture f(OnFull::kBlock);
  f.push(0, 2);
  std::vector<Message> frame(2);
  REQUIRE(f.channel->pop(frame, std::nullopt, {}) == 2);
  f.leftovers().add_doubtful_frame(frame);
  CHECK(f.finish().ends == Ends{{Fate::kSpooled, 2}});
}

TEST_CASE("leftovers: while a thread is stuck nothing new is put into the spool") {
  Fixture f(OnFull::kBlock);
  f.push(0, 2);
  f.leftovers(Leftovers::Threads::kStuck).add_unwritten(messages(7, 3));
  const Leftovers::Result result = f.finish();
  CHECK(result.ends == Ends{{Fate::kSpooled, 2}, {Fate::kUnsent, 3}});
  CHECK(f.on_disk() == 2);
}

TEST_CASE("leftovers: a spool that holds another number than was counted does not agree") {
  Fixture f(OnFull::kBlock);
  f.push(0, 3);
  // Behind its back.
  f.spool->settle({.run_id = 1}, SequenceRange{0, 1}, SpoolEnd::kStored);
  f.spool->flush();
  const Leftovers::Result result = f.finish();
  CHECK(result.ends == Ends{{Fate::kSpooled, 3}});
  CHECK_FALSE(result.spool_agrees);
}

TEST_CASE("leftovers: a spool that is gone is emptied into the file, tried frames as such") {
  Fixture f(OnFull::kBlock);
  f.push(0, 5);
  std::vector<Message> frame(2);
  REQUIRE(f.channel->pop(frame, std::nullopt, {}) == 2);
  CHECK(f.custody->fix(frame));
  std::filesystem::rename(f.letters.dir.file("spool"), f.letters.dir.file("elsewhere"));
  const Leftovers::Result result = f.finish();
  CHECK(result.ends == Ends{{Fate::kInDoubt, 2}, {Fate::kUnsent, 3}});
  CHECK(f.letters.count().all == 5);
  CHECK(f.letters.count().in_doubt == 2);
  CHECK_FALSE(result.spool_problem.empty());
}
