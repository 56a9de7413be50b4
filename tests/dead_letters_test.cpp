#include "delivery/dead_letters.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/base64.h"
#include "base/error.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace loadgen;
using namespace std::chrono_literals;

namespace {

DeadLetter letter(std::uint64_t sequence, std::string text = "some text") {
  return {.run_id = 1882460106754225421,
          .sequence = sequence,
          .producer = 3,
          .text = std::move(text),
          .due = WallTime(1'769'860'800'000ms),
          .created = WallTime(1'769'860'800'001ms),
          .attempts = 2,
          .error = {.code = "23514",
                    .message = "violates check constraint",
                    .error_class = ErrorClass::kPoison,
                    .constraint = "positive"}};
}

std::vector<std::uint64_t> sequences_in(const std::string& path, std::uint64_t skipped) {
  std::vector<std::uint64_t> found;
  CHECK(read_dead_letters(path, [&](const DeadLetter& read) { found.push_back(read.sequence); }) ==
        skipped);
  return found;
}

}  // namespace

TEST_CASE("base64: there and back, whatever the bytes") {
  CHECK(to_base64("") == "");
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foobar") == "Zm9vYmFy");
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    CHECK(from_base64(to_base64(bytes)) == bytes);
  }
}

TEST_CASE("base64: what it would not write is refused") {
  for (const std::string text :
       {"Z", "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm 8", "Zm8\n", "Zm8-"}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text).has_value());
  }
}

TEST_CASE("dead letters: a line holds all that is needed to send the message again") {
  const DeadLetter written = letter(7, std::string("\x00\xff\"\n{", 5));
  const std::string line = to_json_line(written);
  CHECK(line.find('\n') == line.size() - 1);
  const auto read = from_json_line(line);
  REQUIRE(read.has_value());
  CHECK(read->run_id == written.run_id);
  CHECK(read->sequence == 7);
  CHECK(read->producer == 3);
  CHECK(read->text == written.text);
  CHECK(read->due == written.due);
  CHECK(read->created == written.created);
  CHECK(read->attempts == 2);
  CHECK(read->error.code == "23514");
  CHECK(read->error.constraint == "positive");
}

TEST_CASE("dead letters: a letter in doubt holds its frame, and is of a version of its own") {
  DeadLetter written = letter(7);
  written.frame = {.id = 5, .rows = 100'000};
  const std::string line = to_json_line(written);
  CHECK(line.find("\"version\":2") != std::string::npos);
  REQUIRE(from_json_line(line).has_value());
  CHECK(from_json_line(line)->frame == written.frame);
  for (const char* frame : {"5", "null", "{}", R"({"id":5})", R"({"id":-5,"rows":3})",
                            R"({"id":9223372036854775808,"rows":3})", R"({"id":5,"rows":0})",
                            R"({"id":5,"rows":100001})", R"({"id":5,"rows":1.5})"}) {
    std::string hostile = line;
    const auto begin = hostile.find("{\"id\"");
    hostile.replace(begin, hostile.find('}', begin) + 1 - begin, frame);
    CAPTURE(hostile);
    CHECK_FALSE(from_json_line(hostile).has_value());
  }
}

TEST_CASE("dead letters: a line cut anywhere, or damaged anywhere, is none or the same one") {
  const std::string line = to_json_line(letter(7));
  for (std::size_t at = 0; at + 2 < line.size(); ++at) {
    CHECK_FALSE(from_json_line(line.substr(0, at)).has_value());
  }
  for (std::size_t at = 0; at + 1 < line.size(); ++at) {
    std::string damaged = line;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    const auto read = from_json_line(damaged);
    if (read) CHECK(read->text == "some text");
  }
}

TEST_CASE("dead letters: hostile lines are refused") {
  const std::string good = to_json_line(letter(7));
  const auto with = [&](const std::string& part, const std::string& other) {
    std::string line = good;
    line.replace(line.find(part), part.size(), other);
    return line;
  };
  for (const std::string& line :
       {std::string(), std::string("null"), std::string("[]"), std::string("{}"),
        std::string(100'000, '['), with("\"version\":1", "\"version\":2"),
        with("\"sequence\":7", "\"sequence\":-7"), with("\"sequence\":7", "\"sequence\":7.5"),
        with("\"sequence\":7", "\"sequence\":9223372036854775808"),
        with("\"producer\":3", "\"producer\":4294967299"), with("1882460106754225421", "-1"),
        with("1882460106754225421", "99999999999999999999"),
        with("\"attempts\":2", "\"attempts\":\"2\""),
        with("\"version\":1", "\"version\":4294967297"), with("\"version\":1", "\"version\":1.5"),
        with("\"due_us\":1769860800000000", "\"due_us\":9223372036854775807"),
        with("\"due_us\":1769860800000000", "\"due_us\":-9223372036854775808"),
        with("\"created_us\":1769860800001000", "\"created_us\":1e300")}) {
    CAPTURE(line.substr(0, 200));
    CHECK_FALSE(from_json_line(line).has_value());
  }
}

TEST_CASE("dead letters: the message's text is nowhere but in the encoded field") {
  const Message message{
      .sequence = 1, .producer = 0, .due = {}, .created = {}, .taken = {}, .text = "CANARY"};
  const DeadLetter made = make_dead_letter(
      {}, message, 1, {.code = "22P02", .message = "invalid input: \"CANARY\" and CANARY again"});
  CHECK(to_json_line(made).find("CANARY") == std::string::npos);
}

TEST_CASE("dead letters: a letter can be read back however much the database said") {
  const TempDir dir;
  const Message message{
      .sequence = 1, .producer = 0, .due = {}, .created = {}, .taken = {}, .text = "text"};
  const DeadLetter made[] = {
      make_dead_letter({}, message, 1, {.code = "P0001", .message = std::string(100'000, '"')})};
  DeadLetterBox box(dir.file("dead.jsonl"), 10);
  CHECK_FALSE(box.add(made).has_value());
  CHECK(sequences_in(dir.file("dead.jsonl"), 0) == std::vector<std::uint64_t>{1});
}

TEST_CASE("dead letters: the file is made for its owner when the first letter comes, and kept") {
  const TempDir dir;
  const std::string path = dir.file("dead.jsonl");
  {
    DeadLetterBox box(path, 10);
    CHECK_FALSE(std::filesystem::exists(path));
    const DeadLetter two[] = {letter(1), letter(2)};
    CHECK_FALSE(box.add(two).has_value());
  }
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  // A crash tore its last line.
  write_file(path, read_file(path) + to_json_line(letter(3)).substr(0, 40));
  {
    DeadLetterBox box(path, 10);
    const DeadLetter one[] = {letter(4)};
    CHECK_FALSE(box.add(one).has_value());
  }
  CHECK(sequences_in(path, 1) == std::vector<std::uint64_t>{1, 2, 4});
}

TEST_CASE("dead letters: a file that cannot be written is an error that names the option") {
  const TempDir dir;
  const DeadLetter one[] = {letter(4)};
  DeadLetterBox nowhere(dir.file("absent/dead.jsonl"), 10);
  const auto error = nowhere.add(one);
  REQUIRE(error.has_value());
  CHECK(error->error_class == ErrorClass::kFatal);
  CHECK(error->message.starts_with("--dead-letter="));
  std::filesystem::create_symlink(dir.file("elsewhere"), dir.file("link"));
  DeadLetterBox link(dir.file("link"), 10);
  CHECK(link.add(one).has_value());
  CHECK_FALSE(std::filesystem::exists(dir.file("elsewhere")));
}

TEST_CASE("dead letters: a line without end does not fill the memory, and the next is read") {
  const TempDir dir;
  const std::string path = dir.file("dead.jsonl");
  write_file(path, std::string(1'000'000, 'x') + "\n" + to_json_line(letter(5)) + "\n" +
                       to_json_line(letter(6)).substr(0, to_json_line(letter(6)).size() - 1));
  CHECK(sequences_in(path, 1) == std::vector<std::uint64_t>{5, 6});
  CHECK_THROWS_AS(read_dead_letters(dir.file("absent"), [](const DeadLetter&) {}), UsageError);
}

TEST_CASE("dead letters: more than allowed, or more than half of the last thousand, is a storm") {
  DeadLetterBox few("unused", 3);
  CHECK_FALSE(few.note(500, 3).has_value());
  CHECK(few.note(500, 1)->code == "poison_storm");

  DeadLetterBox half("unused", 1'000'000);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(half.note(100, 50).has_value());
  CHECK_FALSE(half.note(500, 251).has_value() == false);

  DeadLetterBox late("unused", 1'000'000);
  CHECK_FALSE(late.note(999, 999).has_value());  // too few to tell
  CHECK(late.note(1, 0).has_value());
}
