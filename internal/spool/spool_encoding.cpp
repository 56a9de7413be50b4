#include "spool/spool_encoding.h"

namespace loadgen {

std::string encode(std::span<const SequenceRange> ranges) {
  std::string bytes(ranges.size_bytes(), '\0');
  std::memcpy(bytes.data(), ranges.data(), bytes.size());
  return bytes;
}

std::optional<std::vector<SequenceRange>> decode(std::string_view bytes) {
  if (bytes.empty() || bytes.size() % sizeof(SequenceRange) != 0) return std::nullopt;
  std::vector<SequenceRange> ranges(bytes.size() / sizeof(SequenceRange));
  std::memcpy(ranges.data(), bytes.data(), bytes.size());
  for (const SequenceRange& range : ranges) {
    if (range.begin >= range.end || range.end > INT64_MAX) return std::nullopt;
  }
  return ranges;
}

}  // namespace loadgen
