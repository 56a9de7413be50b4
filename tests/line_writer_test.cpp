#include "run/line_writer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

using namespace loadgen;

namespace {

struct Pipe {
  Pipe() { REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0); }
  ~Pipe() {
    for (const int end : ends) close(end);
  }
  [[nodiscard]] int writing() const { return ends[1]; }
  // What is in it; at least one byte is.
  [[nodiscard]] std::string read_some() const {
    std::string text(1 << 20, '\0');
    const ssize_t size = read(ends[0], text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }

  std::array<int, 2> ends{-1, -1};
};

// How many were written before one was refused.
int fill(LineWriter& writer, const std::string& line) {
  int written = 0;
  while (writer.write(line)) ++written;
  return written;
}

}  // namespace

TEST_CASE("line writer: a full pipe refuses whole lines, and takes them again when it was read") {
  const Pipe pipe;
  LineWriter writer(pipe.writing());
  const std::string line = std::string(999, 'x') + '\n';
  const int written = fill(writer, line);
  CHECK(written > 10);
  CHECK_FALSE(writer.write("lost\n", std::chrono::milliseconds(1)));
  std::string expected;
  for (int i = 0; i < written; ++i) expected += line;
  CHECK(pipe.read_some() == expected);
  CHECK(writer.write("told\n"));
  CHECK(pipe.read_some() == "told\n");
}

TEST_CASE("line writer: a line too long for the room there is comes to its end before the next") {
  const Pipe pipe;
  LineWriter writer(pipe.writing());
  const std::string line = std::string(100'000, 'x') + '\n';  // a pipe holds 65,536
  CHECK(writer.write(line));
  CHECK_FALSE(writer.write("lost\n"));
  const std::string begun = pipe.read_some();
  CHECK(writer.write("next\n"));
  CHECK(begun + pipe.read_some() == line + "next\n");
}

TEST_CASE("line writer: the flags of the shared descriptor do not change") {
  const Pipe pipe;
  LineWriter writer(pipe.writing());
  CHECK(writer.write("line\n"));
  CHECK((fcntl(pipe.writing(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("line writer: without a possible reader, no line counts as missed") {
  LineWriter closed(999'999);  // more than a process may have open
  CHECK(closed.write("line\n"));
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  LineWriter no_room(full);
  CHECK(no_room.write("line\n"));
  close(full);
}
