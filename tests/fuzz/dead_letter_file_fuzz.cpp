#include <sys/mman.h>
#include <unistd.h>

#include "delivery/letter_file.h"
#include "fuzz.h"

using namespace loadgen;

namespace {

constexpr std::size_t kLongestLine = 65'536;

struct Found {
  std::vector<std::uint64_t> sequences;
  std::uint64_t skipped = 0;

  friend bool operator==(const Found&, const Found&) = default;
};

// The whole file at hand, line by line.
Found found_in(std::string_view content) {
  Found found;
  for (std::size_t end = 0; end != std::string_view::npos; content.remove_prefix(end + 1)) {
    end = content.find('\n');
    const std::string_view line = content.substr(0, end);
    const auto letter = line.size() <= kLongestLine ? from_json_line(line) : std::nullopt;
    if (letter) found.sequences.push_back(letter->sequence);
    if (!letter && !line.empty()) ++found.skipped;
    if (end == std::string_view::npos) break;
  }
  return found;
}

Found read_from_file(std::string_view content) {
  const int file = memfd_create("dead letters", 0);
  require(file >= 0, "there is memory for a file");
  require(write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
          "the file is written");
  Found found;
  found.skipped =
      read_dead_letters("/proc/self/fd/" + std::to_string(file),
                        [&](const DeadLetter& l) { found.sequences.push_back(l.sequence); });
  close(file);
  return found;
}

}  // namespace

// The first three bytes choose how many blanks come first, which JSON allows: so lines reach the
// longest there may be, and the end of a buffer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto fewer = static_cast<std::size_t>(data[1] << 8 | data[2]);
  const std::size_t blanks = data[0] % 2 == 0 ? 0 : kLongestLine - fewer;
  const std::string content = std::string(blanks, ' ') + std::string(as_text(data + 3, size - 3));
  require(read_from_file(content) == found_in(content),
          "a file holds the letters of its lines, and no others");
  return 0;
}
