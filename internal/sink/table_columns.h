// Whether an existing table has the columns that loadgen writes to. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace loadgen {

// A column loadgen writes, and the types it can write to; "" = any.
struct NeededColumn {
  std::string_view name;
  std::string_view type{};
  std::string_view other_type = type;
};

struct FoundColumn {
  std::string name;
  std::string type{};
  bool needs_value = false;  // it has no default, and may not be NULL
  std::int64_t width = -1;   // the most characters that fit in it, -1 = no limit is known
};

// Why the columns do not fit, in one line; "" = they fit. `message_size` is the length that the
// column message must hold.
std::string misfit(std::span<const FoundColumn> found, std::span<const NeededColumn> needed,
                   std::uint32_t message_size);

}  // namespace loadgen
