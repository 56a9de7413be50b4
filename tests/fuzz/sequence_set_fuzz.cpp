#include <algorithm>
#include <array>
#include <set>

#include "fuzz.h"
#include "model/sequence_set.h"

using namespace loadgen;

namespace {

// A set beside the plainest one that works.
struct Pair {
  SequenceSet set;
  std::set<std::uint64_t> model;

  void insert(SequenceRange range) {
    std::uint64_t added = 0;
    for (std::uint64_t s = range.begin; s < range.end; ++s) added += model.insert(s).second ? 1 : 0;
    require(set.insert(range) == added, "insert returns how many were new");
    require(set.size() == model.size(), "the size is that of the model");
    require(set.contains(range.begin) == model.contains(range.begin) &&
                set.contains(range.end) == model.contains(range.end),
            "the set holds what the model holds");
  }

  // Disjoint, apart from each other, ascending; with the size, that is the model.
  void check_ranges() const {
    const SequenceRange* last = nullptr;
    for (const SequenceRange& range : set.ranges()) {
      require(range.begin < range.end, "no range is empty");
      require(last == nullptr || last->end < range.begin, "ranges ascend and do not touch");
      for (std::uint64_t s = range.begin; s < range.end; ++s) {
        require(model.contains(s), "ranges hold what the model holds");
      }
      last = &range;
    }
  }

  [[nodiscard]] std::uint64_t count_missing_from(const Pair& other) const {
    return static_cast<std::uint64_t>(std::count_if(
        model.begin(), model.end(), [&](std::uint64_t s) { return !other.model.contains(s); }));
  }
};

}  // namespace

// The first byte chooses the bottom or the top of all numbers; then each two are an insert: where,
// into which of two sets, and how many.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint64_t base = data[0] % 2 == 0 ? 0 : UINT64_MAX - 255 - 32;
  std::array<Pair, 2> pairs;
  for (std::size_t i = 1; i + 1 < size; i += 2) {
    const std::uint64_t begin = base + data[i];
    pairs[data[i + 1] >> 7].insert({begin, begin + data[i + 1] % 32});
  }
  for (const Pair& pair : pairs) {
    pair.check_ranges();
    const Pair& other = &pair == pairs.data() ? pairs[1] : pairs[0];
    require(pair.set.count_missing_from(other.set) == pair.count_missing_from(other),
            "what is missing from the other is what the models say");
  }
  return 0;
}
