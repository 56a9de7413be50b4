#include "delivery/error_counts.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace loadgen;

namespace {

WriteResult error(WriteOutcome outcome, std::string code, std::string message) {
  return {outcome, {.code = std::move(code), .message = std::move(message)}};
}

}  // namespace

TEST_CASE("error counts: errors are counted by what they were, in the order they first came") {
  std::vector<std::string> told;
  ErrorCounts counts([&](const WriteResult& result) { told.push_back(result.error.message); });
  CHECK(counts.all().empty());
  counts.note(error(WriteOutcome::kInDoubt, "A", "first"));
  counts.note(error(WriteOutcome::kNotWritten, "B", "second"));
  counts.note(error(WriteOutcome::kInDoubt, "A", "third"));
  counts.note(error(WriteOutcome::kNotWritten, "A", "fourth"));
  const auto all = counts.all();
  REQUIRE(all.size() == 3);
  CHECK(all[0].first.error.message == "first");
  CHECK(all[0].count == 2);
  CHECK(all[1].first.error.code == "B");
  CHECK(all[1].count == 1);
  CHECK(all[2].first.outcome == WriteOutcome::kNotWritten);
  CHECK(told == std::vector<std::string>{"first", "second", "fourth"});
}

TEST_CASE("error counts: the end of a run adds its reason only if no attempt has told it") {
  ErrorCounts counts;
  counts.note(error(WriteOutcome::kNotWritten, "A", "first"));
  counts.note_end(error(WriteOutcome::kNotWritten, "A", "again"));
  counts.note_end(error(WriteOutcome::kNotWritten, "B", "new"));
  const auto all = counts.all();
  REQUIRE(all.size() == 2);
  CHECK(all[0].count == 1);
  CHECK(all[0].first.error.message == "first");
  CHECK(all[1].first.error.message == "new");
}
