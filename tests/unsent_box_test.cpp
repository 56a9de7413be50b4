#include "delivery/unsent_box.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>

#include "support/temp_dir.h"

using namespace loadgen;

namespace {

std::vector<Message> messages(std::uint64_t first, std::size_t count) {
  std::vector<Message> list(count);
  for (std::size_t i = 0; i < count; ++i) {
    list[i].sequence = first + i;
    list[i].text = "text";
  }
  return list;
}

}  // namespace

TEST_CASE("unsent box: its file holds each message, ready to be replayed") {
  const TempDir dir;
  UnsentBox box(dir.file("unsent.jsonl"), {.run_id = 5, .anchor = {}});
  box.add({messages(0, 2)});
  box.add({messages(7, 1), Fate::kInDoubt});
  CHECK(box.finish() == 0);
  std::vector<std::uint64_t> sequences;
  CHECK(read_dead_letters(dir.file("unsent.jsonl"), [&](const DeadLetter& letter) {
          CHECK(letter.run_id == 5);
          CHECK(letter.text == "text");
          CHECK((letter.error.message.find("may have it") != std::string::npos) ==
                (letter.sequence == 7));
          sequences.push_back(letter.sequence);
        }) == 0);
  CHECK(sequences == std::vector<std::uint64_t>{0, 1, 7});
}

TEST_CASE("unsent box: messages in doubt are marked, with the frame they were tried as") {
  const TempDir dir;
  UnsentBox box(dir.file("unsent.jsonl"), {.run_id = 5, .anchor = {}});
  box.add({messages(7, 1)});
  box.add_in_doubt(messages(3, 2));
  box.add_in_doubt({});
  box.add({messages(8, 2), Fate::kInDoubt});
  CHECK(box.finish() == 0);
  std::vector<std::optional<DoubtfulFrame>> frames;
  CHECK(read_dead_letters(dir.file("unsent.jsonl"),
                          [&](const DeadLetter& letter) { frames.push_back(letter.frame); }) == 0);
  const DoubtfulFrame frame{.id = 3, .rows = 2};
  CHECK(frames == std::vector<std::optional<DoubtfulFrame>>{
                      std::nullopt, frame, frame, DoubtfulFrame{8, 1}, DoubtfulFrame{9, 1}});
}

TEST_CASE("unsent box: without messages, or without a name, there is no file") {
  const TempDir dir;
  UnsentBox empty(dir.file("unsent.jsonl"), {});
  CHECK(empty.finish() == 0);
  UnsentBox nameless("", {});
  nameless.add({messages(0, 1)});
  CHECK(nameless.finish() == 0);
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("unsent box: a file that cannot be written is told at the end") {
  const TempDir dir;
  UnsentBox box(dir.file("no/such/unsent.jsonl"), {});
  box.add({messages(0, 1)});
  CHECK(box.finish() == ENOENT);
}
