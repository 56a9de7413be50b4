#include "sink/table_columns.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace loadgen;

TEST_CASE("table columns: the first thing that does not fit is named") {
  constexpr std::array kNeeded{NeededColumn{"message", "varchar", "text"},
                               NeededColumn{"sequence", "bigint"}, NeededColumn{"anything"}};
  const FoundColumn message{.name = "message", .type = "varchar", .width = 64};
  const FoundColumn sequence{.name = "sequence", .type = "bigint", .needs_value = true};
  const FoundColumn anything{.name = "anything", .type = "point"};
  const FoundColumn tenant{.name = "ten\nant", .type = "text", .needs_value = true};
  FoundColumn wide = message;
  wide.type = "text";
  wide.width = -1;
  FoundColumn narrow = message;
  narrow.width = 63;
  FoundColumn other = sequence;
  other.type = "integer";
  struct Case {
    std::vector<FoundColumn> found;
    std::string why;
  };
  for (const Case& one : {
           Case{{message, sequence, anything}, ""},
           Case{{anything, sequence, wide, {.name = "note", .type = "text"}}, ""},
           Case{{message, anything}, "it has no column sequence"},
           Case{{other, message, anything}, "its column sequence is of type integer, not bigint"},
           Case{{sequence, narrow},
                "its column message holds 63 characters, and --message-size "
                "is 64"},
           Case{{narrow, tenant},
                "its column ten; ant must have a value, and loadgen has none for it"},
       }) {
    CHECK(misfit(one.found, kNeeded, 64) == one.why);
  }
}
