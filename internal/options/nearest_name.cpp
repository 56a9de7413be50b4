#include "options/nearest_name.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace loadgen {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, substitute});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(std::string_view mistyped, const std::vector<std::string>& names) {
  constexpr std::size_t kLongest = 100;  // no name is longer, and the time grows with the length
  if (mistyped.size() > kLongest) return "";
  std::string nearest;
  std::size_t best = mistyped.size() / 2 + 2;  // a larger distance is not a typing error
  for (const std::string& name : names) {
    const bool begins = mistyped.size() > 1 && name.starts_with(mistyped);
    const std::size_t distance = begins ? 0 : edit_distance(mistyped, name);
    if (distance < best) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace loadgen
