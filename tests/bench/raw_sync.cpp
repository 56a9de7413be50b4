// About the least a durable commit takes on this disk: a block is overwritten and synced as soon as
// rows are due, and nothing else is done.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "feed.h"

namespace {

// A page of Postgres's log, and about what SQLite appends for a few rows.
constexpr std::size_t kBlockBytes = 8192;
constexpr std::uint64_t kBlocks = 512;

}  // namespace

int main(int argc, char** argv) {
  using namespace loadgen;
  if (argc != 4) {
    die("usage: raw_sync NEW_FILE SECONDS ROWS_PER_S\n"
        "prints: rows seconds rows_per_s write_p99_us response_p99_us");
  }
  sleep_precisely();
  const int file = open(argv[1], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) die("cannot make the file");
  static constexpr std::array<char, kBlockBytes> kBlock{};
  const auto write_block = [&](std::uint64_t n) {
    const auto at = static_cast<off_t>(n % kBlocks * kBlockBytes);
    if (pwrite(file, kBlock.data(), kBlockBytes, at) != ssize_t{kBlockBytes}) die("cannot write");
  };
  // A log that is used again: its file neither grows nor gets new blocks.
  for (std::uint64_t n = 0; n < kBlocks; ++n) write_block(n);
  if (fsync(file) != 0) die("cannot sync");

  Feed feed(number(argv[3]), 5000, number(argv[2]));
  std::uint64_t n = 0;
  for (Rows rows = feed.next(); rows.count > 0; rows = feed.next()) {
    write_block(n++);
    if (fdatasync(file) != 0) die("cannot sync");
    feed.committed(rows);
  }
  std::puts(feed.summary().c_str());
}
