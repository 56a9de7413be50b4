#include "spool/spool.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "support/fake_clock.h"
#include "support/sql.h"
#include "support/temp_dir.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

std::vector<Message> messages(std::uint64_t first, std::size_t count) {
  std::vector<Message> list(count);
  for (std::size_t i = 0; i < count; ++i) {
    list[i].sequence = first + i;
    list[i].producer = 3;
    list[i].due = TimePoint(1s) + std::chrono::nanoseconds(first + i);
    list[i].created = list[i].due + 7ns;
    list[i].text = "text " + std::to_string(first + i);
  }
  return list;
}

struct Fixture {
  std::string path() const { return dir.file("spool"); }
  std::uint64_t count(Spool& spool) const {
    spool.flush();
    return spool.read([&](SpoolStore& store) { return store.count(run.run_id); });
  }

  TempDir dir;
  FakeClock clock;
  const SpooledRun run{.run_id = 42,
                       .target = "a target",
                       .seed = 0xffff'ffff'ffff'fff0,
                       .message_size = 64,
                       .exactly_once = false,
                       .all_spooled = true,
                       .anchor = {TimePoint(2s), WallTime(1'769'860'800'123'456'789ns)}};
};

void execute_in(const std::string& file, const std::string& statement) {
  (void)sql("sqlite:" + file, statement);
}

std::string refusal(const std::string& directory) {
  FakeClock clock;
  try {
    const Spool spool(directory, clock);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("spool: what was appended is there for the next process, message by message") {
  Fixture f;
  {
    Spool spool(f.path(), f.clock);
    CHECK(spool.add_run(f.run) == SpoolStatus::kSafe);
    CHECK(spool.append(f.run, messages(0, 3), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
    CHECK(spool.append(f.run, messages(7, 1), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
    CHECK(spool.append(f.run, messages(2, 1), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
  }
  Spool spool(f.path(), f.clock);
  // A process whose steady clock began elsewhere, an hour of wall time later.
  const WallAnchor now{TimePoint(10h), f.run.anchor.wall + 1h};
  const auto runs = spool.read([&](SpoolStore& store) { return store.runs(now); });
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].run_id == 42);
  CHECK(runs[0].target == "a target");
  CHECK(runs[0].seed == f.run.seed);
  CHECK(runs[0].message_size == 64);
  CHECK_FALSE(runs[0].exactly_once);
  CHECK(runs[0].all_spooled);
  CHECK(runs[0].anchor.steady == TimePoint(9h));
  const auto batch = spool.read([&](SpoolStore& store) {
    return store.read(runs[0], {0, 100}, 100);
  });
  CHECK(batch.damaged.empty());
  REQUIRE(batch.messages.size() == 4);
  const Message& last = batch.messages[3];
  CHECK(last.sequence == 7);
  CHECK(last.producer == 3);
  CHECK(last.text == "text 7");
  CHECK(runs[0].anchor.wall_at(last.due) == f.run.anchor.wall_at(messages(7, 1)[0].due));
  CHECK(last.created - last.due == 7ns);
  CHECK(spool.read([](SpoolStore& store) { return store.accepted(42); }).ranges() ==
        std::vector<SequenceRange>{{0, 3}, {7, 8}});
}

TEST_CASE("spool: what was settled is gone, and the journal knows how") {
  Fixture f;
  {
    Spool spool(f.path(), f.clock);
    CHECK(spool.append(f.run, messages(0, 10), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
    spool.settle(f.run, messages(0, 4), SpoolEnd::kStored);
    spool.settle(f.run, messages(4, 2), SpoolEnd::kGivenUp);
    spool.settle(f.run, SequenceRange{6, 7}, SpoolEnd::kDamaged);
  }
  Spool spool(f.path(), f.clock);
  CHECK(f.count(spool) == 3);
  CHECK(spool.read([](SpoolStore& store) { return store.given_up(42); }).ranges() ==
        std::vector<SequenceRange>{{4, 7}});
  CHECK(spool.forget_run(f.run) == SpoolStatus::kSafe);
  CHECK(f.count(spool) == 0);
  CHECK(spool.read([](SpoolStore& store) { return store.accepted(42); }).size() == 0);
}

TEST_CASE("spool: a frame is remembered as it was fixed, until its first message is settled") {
  Fixture f;
  Spool spool(f.path(), f.clock);
  auto frame = messages(5, 2);
  frame.push_back(messages(9, 1)[0]);
  frame.push_back(messages(1, 1)[0]);
  const auto fixed = [&] {
    spool.flush();
    return spool.read([](SpoolStore& store) { return store.fixed_frames(42); }).frames;
  };
  CHECK(spool.fix(f.run, 5, frame) == SpoolStatus::kSafe);
  REQUIRE(fixed().size() == 1);
  CHECK(fixed()[0].id == 5);
  CHECK(fixed()[0].members == std::vector<SequenceRange>{{5, 7}, {9, 10}, {1, 2}});
  CHECK(spool.fix(f.run, 5, std::span(frame).first(1)) == SpoolStatus::kSafe);
  REQUIRE(fixed().size() == 1);
  CHECK(fixed()[0].members == std::vector<SequenceRange>{{5, 6}});
  spool.settle(f.run, std::span(frame).first(1), SpoolEnd::kStored);
  CHECK(fixed().empty());
}

TEST_CASE("spool: the journal stays small, and true, however many batches come") {
  Fixture f;
  Spool spool(f.path(), f.clock);
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 500; ++i) {
        const auto batch = messages(4 * i + t, 1);
        CHECK(spool.append(f.run, batch, Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
        spool.settle(f.run, batch, i % 5 == 0 ? SpoolEnd::kGivenUp : SpoolEnd::kStored);
      }
    });
  }
  threads.clear();
  CHECK(f.count(spool) == 0);
  CHECK(spool.read([](SpoolStore& store) { return store.accepted(42); }).ranges() ==
        std::vector<SequenceRange>{{0, 2000}});
  CHECK(spool.read([](SpoolStore& store) { return store.given_up(42); }).size() == 400);
  spool.read([](SpoolStore& store) {
    store.begin();
    store.compact_journal(42);
    store.commit();
    CHECK(store.accepted(42).ranges() == std::vector<SequenceRange>{{0, 2000}});
    CHECK(store.given_up(42).size() == 400);
  });
}

TEST_CASE("spool: a message whose bytes have changed is told apart, its neighbours are not lost") {
  Fixture f;
  for (const char* damage :
       {"text = 'text x'", "text = NULL", "producer = 4", "producer = -1", "due_ns = 0",
        "created_ns = 12", "checksum = checksum + 1", "text = zeroblob(2000000)"}) {
    CAPTURE(damage);
    std::filesystem::remove_all(f.path());
    {
      Spool spool(f.path(), f.clock);
      CHECK(spool.append(f.run, messages(0, 3), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
    }
    execute_in(f.path() + "/spool.db",
               std::string("UPDATE messages SET ") + damage + " WHERE sequence = 1");
    Spool spool(f.path(), f.clock);
    const auto batch = spool.read([&](SpoolStore& store) {
      return store.read(f.run, {0, 100}, 100);
    });
    CHECK(batch.damaged == std::vector<std::uint64_t>{1});
    CHECK(batch.messages.size() == 2);
  }
}

TEST_CASE("spool: what its checksum vouches for, and yet cannot be, is damaged") {
  Fixture f;
  std::filesystem::remove_all(f.path());
  std::vector<Message> list = messages(0, 4);
  list[1].text.assign(257, 'x');  // longer than the column
  list[3].producer = 1U << 31U;   // negative in the table
  list[2].due = f.run.anchor.steady + std::chrono::hours(24 * 366 * 31);
  {
    Spool spool(f.path(), f.clock);
    CHECK(spool.append(f.run, list, Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
  }
  Spool spool(f.path(), f.clock);
  const auto batch = spool.read([&](SpoolStore& store) {
    return store.read(f.run, {0, 100}, 100);
  });
  CHECK(batch.damaged == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(batch.messages.size() == 1);
}

TEST_CASE("spool: a frame that has changed is reported, and messages of no run are put away") {
  Fixture f;
  {
    Spool spool(f.path(), f.clock);
    CHECK(spool.add_run(f.run) == SpoolStatus::kSafe);
    const auto list = messages(0, 3);
    CHECK(spool.append(f.run, list, Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
    CHECK(spool.fix(f.run, 0, list) == SpoolStatus::kSafe);
  }
  const std::string file = f.path() + "/spool.db";
  execute_in(file, "UPDATE frames SET members = zeroblob(16)");
  execute_in(file, "UPDATE messages SET run_id = 43 WHERE sequence = 2");
  Spool spool(f.path(), f.clock);
  CHECK(spool.read([](SpoolStore& store) { return store.fixed_frames(42); }).damaged);
  CHECK(spool.read([](SpoolStore& store) { return store.put_away_orphans(); }) == 1);
  CHECK(spool.read([](SpoolStore& store) { return store.put_away_orphans(); }) == 0);
  CHECK(f.count(spool) == 2);
  execute_in(file, "UPDATE runs SET seed = 1");
  CHECK_THROWS_AS((void)spool.read([](SpoolStore& store) { return store.runs({}); }), SetupError);
}

TEST_CASE("spool: it is for one process, for its owner, and made by this program") {
  Fixture f;
  {
    const Spool spool(f.path(), f.clock);
    const std::string in_use = "--spool=" + f.path() + ": is in use by another process";
    CHECK(refusal(f.path()) == in_use);
    std::filesystem::remove(f.path() + "/lock");
    CHECK(refusal(f.path()) == in_use);
    struct stat status {};
    CHECK(stat((f.path() + "/spool.db").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(stat(f.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
  }
  CHECK(refusal(f.path()).empty());
  CHECK(refusal(f.dir.file("no/such")).find("cannot be made: No such file") != std::string::npos);
  std::ofstream(f.dir.file("file")) << "text";
  CHECK(refusal(f.dir.file("file")).find("cannot be used: Not a directory") != std::string::npos);

  const std::string file = f.path() + "/spool.db";
  execute_in(file, "PRAGMA user_version = 2");
  CHECK(refusal(f.path()).find("spool.db in it is of format 2; this version reads format 1") !=
        std::string::npos);
  execute_in(file, "PRAGMA application_id = 5");
  CHECK(refusal(f.path()).find("is not a spool of loadgen") != std::string::npos);
  std::filesystem::remove(file);
  std::ofstream(file) << "some text that is no database, and long enough to be looked at by SQLite";
  CHECK(refusal(f.path()).find("is not a spool of loadgen") != std::string::npos);
  std::filesystem::remove(file);
  std::filesystem::create_symlink(f.dir.file("elsewhere"), file);
  CHECK(refusal(f.path()).find("Too many levels of symbolic links") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(f.dir.file("elsewhere")));
}

TEST_CASE("spool: full, it refuses or waits, and takes again what there is room for") {
  Fixture f;
  Spool spool(f.path(), f.clock, 3 * (64 + Spool::kOverhead));
  std::vector<Message> list(4);
  for (std::size_t i = 0; i < list.size(); ++i) {
    list[i].sequence = i;
    list[i].text.assign(64, 'x');
  }
  const std::span all(list);
  CHECK(spool.append(f.run, all.first(2), Spool::WhenFull::kRefuse) == SpoolStatus::kSafe);
  CHECK(spool.append(f.run, all.subspan(2), Spool::WhenFull::kRefuse) == SpoolStatus::kFull);
  SpoolStatus status = SpoolStatus::kFailed;
  std::jthread waits(
      [&] { status = spool.append(f.run, all.subspan(2), Spool::WhenFull::kBlock); });
  f.clock.await_sleepers(1);
  spool.settle(f.run, all.first(1), SpoolEnd::kStored);
  waits.join();
  CHECK(status == SpoolStatus::kSafe);
  CHECK(f.count(spool) == 3);
  std::jthread in_vain(
      [&] { status = spool.append(f.run, all.first(1), Spool::WhenFull::kBlock); });
  f.clock.await_sleepers(1);
  spool.stop_waiting();
  in_vain.join();
  CHECK(status == SpoolStatus::kFull);
  CHECK(spool.blocked() == 0ns);  // the clock stood still
  CHECK(spool.keep(f.run, all.first(1), Spool::bytes_of(all.first(1))) == SpoolStatus::kSafe);
  CHECK(f.count(spool) == 4);
}

TEST_CASE("spool: what is kept is fixed as one frame, for it may have been tried as one") {
  Fixture f;
  Spool spool(f.path(), f.clock);
  auto frame = messages(3, 2);
  CHECK(spool.append(f.run, std::span(frame).subspan(1), Spool::WhenFull::kBlock) ==
        SpoolStatus::kSafe);
  const std::uint64_t fresh = Spool::bytes_of(std::span(frame).first(1));
  CHECK(spool.keep(f.run, frame, fresh) == SpoolStatus::kSafe);
  CHECK(f.count(spool) == 2);
  const auto fixed = spool.read([](SpoolStore& store) { return store.fixed_frames(42); }).frames;
  REQUIRE(fixed.size() == 1);
  CHECK(fixed[0].id == 3);
  CHECK(fixed[0].members == std::vector<SequenceRange>{{3, 5}});
}

TEST_CASE("spool: a directory reached by a link is fine, a link in place of the file is not") {
  Fixture f;
  std::filesystem::create_directory(f.dir.file("real"));
  std::filesystem::create_symlink(f.dir.file("real"), f.dir.file("link"));
  CHECK(refusal(f.dir.file("link")).empty());
  CHECK(refusal(f.dir.file("link") + "/sub").empty());
}

TEST_CASE("spool: what is settled is removed without being asked, many messages at a time") {
  Fixture f;
  Spool spool(f.path(), f.clock);
  CHECK(spool.append(f.run, messages(0, 5000), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
  spool.settle(f.run, messages(0, 5000), SpoolEnd::kStored);
  while (spool.read([](SpoolStore& store) { return store.count(42); }) > 0) {
    std::this_thread::yield();
  }
}

TEST_CASE("spool: deleted, moved or replaced, it is broken, and its open file tells what it held") {
  using std::filesystem::remove;
  using std::filesystem::rename;
  for (const std::string what : {"directory", "moved", "file", "replaced"}) {
    CAPTURE(what);
    Fixture f;
    Spool spool(f.path(), f.clock);
    CHECK(spool.append(f.run, messages(0, 9), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
    CHECK(spool.fix(f.run, 4, messages(4, 2)) == SpoolStatus::kSafe);
    CHECK(spool.check_in_place());
    CHECK(spool.flush() == SpoolStatus::kSafe);
    const std::string file = f.path() + "/spool.db";
    if (what == "directory") std::filesystem::remove_all(f.path());
    if (what == "moved") rename(f.path(), f.dir.file("moved"));
    if (what == "file") remove(file);
    if (what == "replaced") {
      std::ofstream(f.path() + "/other") << "something else";
      rename(f.path() + "/other", file);
    }
    CHECK_FALSE(spool.is_gone());  // nobody has looked
    spool.settle(f.run, messages(0, 1), SpoolEnd::kStored);
    CHECK(spool.flush() == SpoolStatus::kFailed);
    CHECK(spool.is_gone());
    CHECK_FALSE(spool.check_in_place());
    CHECK(spool.append(f.run, messages(9, 1), Spool::WhenFull::kBlock) == SpoolStatus::kFailed);
    CHECK(spool.problem().find("deleted or replaced during the run") != std::string::npos);
    spool.settle(f.run, messages(1, 1), SpoolEnd::kStored);
    SequenceSet untried;
    SequenceSet tried;
    spool.salvage(f.run, [&](std::span<const Message> part, bool was_tried) {
      for (const SequenceRange& range : ranges_of(part)) {
        (was_tried ? tried : untried).insert(range);
      }
      CHECK(part.front().text == "text " + std::to_string(part.front().sequence));
    });
    CHECK(untried.ranges() == std::vector<SequenceRange>{{2, 4}, {6, 9}});
    CHECK(tried.ranges() == std::vector<SequenceRange>{{4, 6}});
  }
}

TEST_CASE("spool: after a failed write everything fails, and it says why") {
  Fixture f;
  Spool spool(f.path(), f.clock);
  CHECK(spool.append(f.run, messages(0, 1), Spool::WhenFull::kBlock) == SpoolStatus::kSafe);
  execute_in(f.path() + "/spool.db",
             "CREATE TRIGGER broken BEFORE INSERT ON messages WHEN NEW.sequence = 1 "
             "BEGIN SELECT RAISE(ABORT, 'no more'); END");
  CHECK(spool.append(f.run, messages(1, 1), Spool::WhenFull::kBlock) == SpoolStatus::kFailed);
  CHECK(spool.append(f.run, messages(2, 1), Spool::WhenFull::kBlock) == SpoolStatus::kFailed);
  CHECK(spool.fix(f.run, 0, messages(0, 1)) == SpoolStatus::kFailed);
  CHECK(spool.problem().find("no more") != std::string::npos);
  CHECK(spool.read([](SpoolStore& store) { return store.count(42); }) == 1);
}
